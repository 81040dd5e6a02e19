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


@dataclass(frozen=True, slots=True, eq=False)
class WindowCore:
    """Line buffers: pixels to windows, and a kernel that computes something of each window.

    ``size``, ``kernel`` and ``stride`` are (rows, columns); ``padding`` is (top, bottom, left, right).
    """

    bits: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    tail: Network | None

    @property
    def steps(self) -> tuple[tuple[bool, bool], ...]:
        """For each clock of an image: whether a pixel is taken, whether a window is complete."""
        top, bottom, left, right = self.padding
        rows, columns = self.size[0] + top + bottom, self.size[1] + left + right
        return tuple(
            (
                top <= row < top + self.size[0] and left <= column < left + self.size[1],
                self._complete(row, 0) and self._complete(column, 1),
            )
            for row in range(rows)
            for column in range(columns)
        )

    def _complete(self, place: int, axis: int) -> bool:
        first = self.kernel[axis] - 1
        return place >= first and (place - first) % self.stride[axis] == 0


@dataclass(frozen=True, slots=True, eq=False)
class RecurrentCore:
    """A recurrent layer, a step of ``features`` values per beat: its state in registers, its products folded or not."""

    layer: Recurrent
    source: FixedFormat
    features: int
    steps: int


@dataclass(frozen=True, slots=True)
class CollectCore:
    """``count`` beats of ``bits`` to one word, the first in the lowest bits or, in ``reverse``, in the highest."""

    bits: int
    count: int
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class SplitCore:
    """One word to ``count`` beats of ``bits``, the lowest first or, in ``reverse``, the highest."""

    bits: int
    count: int
    reverse: bool = False


Core = KernelCore | FoldedCore | WindowCore | RecurrentCore | CollectCore | SplitCore


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
