"""What a design is made of: parts of a network, each with the kind of hardware that computes it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from bitwright.fixed import FixedFormat
from bitwright.network import Network
from bitwright.network.layers import Dense, Recurrent
from bitwright.rtl.ports import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class KernelCore:
    """A parallel kernel: a beat in every clock."""

    network: Network


@dataclass(frozen=True, slots=True, eq=False)
class FoldedCore:
    """A Dense layer with a reuse factor, and the element-wise layers behind it as a kernel."""

    layer: Dense
    source: FixedFormat
    tail: Network | None


Steps = tuple[tuple[bool, bool], ...]
"""What a block does one after another, for ever: whether it takes a beat, whether it gives one."""


@dataclass(frozen=True, slots=True, eq=False)
class StepCore:
    """A hand-written block ``sv/<module>.sv`` that goes through steps, and a kernel behind it.

    Attributes:
        module: its name.
        parameters: of the instance.
        steps: of the instance.
        width: bits of what it gives to the kernel.
        tail: the kernel.
    """

    module: str
    parameters: dict[str, int]
    steps: Steps
    width: int
    tail: Network | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RecurrentCore:
    """A recurrent layer, a step of ``features`` values per beat: its state in registers, its products folded or not."""

    layer: Recurrent
    source: FixedFormat
    features: int
    steps: int


Core = KernelCore | FoldedCore | RecurrentCore | StepCore


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one block computes.

    Attributes:
        prefix: the network's name, of which the modules' names are made.
        name: the first layer that it computes.
        layers: all of them.
        reads: what it takes of each stream in one beat, in port order.
        writes: what it gives in one beat, in port order.
        beats: beats that it takes for one inference.
    """

    prefix: str
    name: str
    layers: tuple[str, ...]
    reads: tuple[Tensor, ...]
    writes: tuple[Tensor, ...]
    core: Core
    beats: int = 1


def beats_of(shape: tuple[int, ...]) -> int:
    """Beats of a streamed tensor, channels last: a pixel, all channels, per beat."""
    return prod(shape[:-1])
