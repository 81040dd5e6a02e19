"""How tensors are packed into data ports: elements side by side, the first in the lowest bits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bitwright.fixed import FixedFormat
from bitwright.network import Network


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a stream carries of a layer in one beat: ``size`` elements of ``format``."""

    name: str
    size: int
    format: FixedFormat

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return self.size * self.format.width


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a port: ``width`` bits from ``lsb`` up, of ``format``."""

    layer: str
    index: int
    lsb: int
    format: FixedFormat


def tensors(network: Network, names: Iterable[str]) -> tuple[Tensor, ...]:
    """Whole layers, each in one beat."""
    layers = network.by_name
    return tuple(Tensor(name, layers[name].size, layers[name].result) for name in names)


def port_elements(packed: Iterable[Tensor]) -> tuple[Element, ...]:
    """The elements of tensors packed into one port."""
    elements, lsb = [], 0
    for tensor in packed:
        for index in range(tensor.size):
            elements.append(Element(tensor.name, index, lsb, tensor.format))
            lsb += tensor.format.width
    return tuple(elements)


def port_width(packed: Iterable[Tensor]) -> int:
    """Bits of a port."""
    return sum(tensor.width for tensor in packed)
