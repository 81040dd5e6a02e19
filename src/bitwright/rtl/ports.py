"""How tensors are packed into data ports: elements side by side, the first in the lowest bits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bitwright.fixed import FixedFormat
from bitwright.network import Network


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a port: ``width`` bits from ``lsb`` up, of ``format``."""

    layer: str
    index: int
    lsb: int
    format: FixedFormat


def port_elements(network: Network, names: Iterable[str]) -> tuple[Element, ...]:
    """The elements of the layers ``names`` packed into one port."""
    elements, lsb = [], 0
    layers = network.by_name
    for name in names:
        layer = layers[name]
        for index in range(layer.size):
            elements.append(Element(name, index, lsb, layer.result))
            lsb += layer.result.width
    return tuple(elements)


def port_width(elements: tuple[Element, ...]) -> int:
    """Bits of a port."""
    return elements[-1].lsb + elements[-1].format.width
