"""Operations of one sort, and sums of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from bitwright.network.layers import Constant


class Part(Enum):
    """What operations are for; each has its own column."""

    PRODUCT = "products"
    BIAS = "bias"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Operations:
    """``count`` operations of ``bits`` bit operations and ``flops`` floating-point operations each."""

    part: Part
    count: int
    bits: int
    flops: int = 1
    macs: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """Sums over operations; bit operations by what they are for."""

    macs: int = 0
    multiplications: int = 0
    flops: int = 0
    products: int = 0
    bias: int = 0
    other: int = 0

    @property
    def bitops(self) -> int:
        """All bit operations."""
        return self.products + self.bias + self.other


def total(operations: Iterable[Operations]) -> Work:
    """The sums."""
    made = tuple(operations)
    bits = {part: sum(o.count * o.bits for o in made if o.part is part) for part in Part}
    return Work(
        macs=sum(o.count * o.macs for o in made),
        multiplications=sum(o.count for o in made if o.part is Part.PRODUCT),
        flops=sum(o.count * o.flops for o in made),
        products=bits[Part.PRODUCT],
        bias=bits[Part.BIAS],
        other=bits[Part.OTHER],
    )


def mac(count: int, a: int, b: int) -> Operations:
    """Products of a-bit and b-bit factors, each with the addition to a sum."""
    return Operations(Part.PRODUCT, count, a * b, flops=2, macs=1)


def multiply(count: int, a: int, b: int) -> Operations:
    """Products of a-bit and b-bit factors that are added to nothing."""
    return Operations(Part.PRODUCT, count, a * b)


def add(count: int, bits: int) -> Operations:
    """Additions, subtractions, comparisons or choices whose wider operand has ``bits`` bits."""
    return Operations(Part.OTHER, count, bits)


def look_up(count: int, table: Constant) -> Operations:
    """Entries read from a table."""
    return Operations(Part.OTHER, count, table.format.width)


def bias(count: int, constant: Constant) -> Operations:
    """Additions of a bias; one that is zero everywhere is none."""
    return Operations(Part.BIAS, count if constant.raw.any() else 0, constant.format.width)
