"""Layers that work on each element by itself, and softmax."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bitwright.fixed import FixedFormat, Overflow, Rounding
from bitwright.network.layer_base import Base, Constant, Shape


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScaleBias(Base):
    """``y_i = cast(x_i * scale_k + bias_k)``, k = i mod len(scale) (nnet_batchnorm.h, normalize).

    Both BatchNormalization and ApplyAlpha; the product and the sum are exact, the cast is last.
    """

    scale: Constant
    bias: Constant


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Relu(Base):
    """``y = cast(max(x, 0))``, with ``limit``: at most that integer (nnet_activation.h, relu, relu_max)."""

    limit: int | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cast(Base):
    """``y = cast(x)``: linear activation, QActivation, requantization (nnet_activation.h, linear)."""


class TableFunction(Enum):
    """Functions that hls4ml evaluates by a table over a fixed range."""

    SIGMOID = "sigmoid"
    TANH = "tanh"
    SOFTPLUS = "softplus"
    SOFTSIGN = "softsign"

    @property
    def half_range(self) -> int:
        """The table covers ``[-half_range, half_range)``: 4 for tanh, 8 for the others."""
        return 4 if self is TableFunction.TANH else 8


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Table(Base):
    """``y = cast(table[clip(trunc(x * n / (2 r)) + n/2, 0, n - 1)])`` (nnet_activation.h, sigmoid and others).

    ``table`` has n entries, a power of two; trunc rounds towards zero as a C++ cast to int does.
    """

    function: TableFunction
    table: Constant


class SoftmaxKind(Enum):
    """hls4ml's softmax implementations."""

    LATENCY = "latency"
    STABLE = "stable"
    LEGACY = "legacy"
    ARGMAX = "argmax"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Softmax(Base):
    """Softmax by two tables (nnet_activation.h, softmax_latency, softmax_stable, softmax_multidim).

    The top ``log2(len(exp_table))`` bits of the input (LATENCY), or of ``max - x`` in ``difference``
    (STABLE), address ``exp_table``; the exponentials are held in ``accum``, their sum (a balanced
    tree in ``accum``) in ``inverse_input``, whose top bits address ``inverse_table``.

    LEGACY looks up the exponential of every difference, ``x_j - x_i``, as Table does with a range of 8, adds them in
    ``accum``, the type of its tables, and gives what ``inverse_table`` has for the sum, up to 64 (softmax_legacy).
    """

    implementation: SoftmaxKind
    exp_table: Constant
    inverse_table: Constant
    accum: FixedFormat
    inverse_input: FixedFormat
    difference: FixedFormat
    outer: int = 1
    inner: int = 1

    @property
    def slices(self) -> Shape:
        """Elements as (outer, those that share a softmax, inner)."""
        return (self.outer, self.size // (self.outer * self.inner), self.inner)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HardMax(Base):
    """One for the largest element (the first of equals), zero elsewhere (nnet_activation.h, softmax_argmax)."""

    outer: int = 1
    inner: int = 1

    @property
    def slices(self) -> Shape:
        """Elements as (outer, those that are compared, inner)."""
        return (self.outer, self.size // (self.outer * self.inner), self.inner)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Leaky(Base):
    """``y_i = cast(x_i)`` above zero, else ``cast(slope_k * x_i)``, k = i mod n (nnet_activation.h, prelu)."""

    slope: Constant


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Threshold(Base):
    """``y = cast(x)`` where x is above ``theta``, else zero (nnet_activation.h, thresholded_relu)."""

    theta: Constant


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HardSigmoid(Base):
    """``y = cast(s)``, or ``cast(2 s - 1)``, s = ``slope * x + shift`` within 0 and 1 (hard_sigmoid, hard_tanh)."""

    slope: Constant
    shift: Constant
    tanh: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ExpLinear(Base):
    """``y = cast(gain * x)`` from zero up, else ``cast(alpha * table[min(trunc(-x * n / 8), n - 1)])`` (elu, selu).

    ``table`` has n entries, a power of two, for x from 0 down to -8 (nnet_activation.h).
    """

    gain: Constant
    alpha: Constant
    table: Constant


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Levels(Base):
    """Three raw values: the first where ``x >= up_k``, else the last where ``x < down_k``, else the middle one.

    k = i mod n with n limits: binary and ternary tanh (nnet_activation.h, binary_tanh, ternary_tanh), also merged
    with a batch norm (nnet_batchnorm.h, normalize_binary_tanh, normalize_ternary_tanh).
    """

    up: Constant
    down: Constant
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lookup(Base):
    """``y = cast(table[bits of x])``, the pattern as an unsigned number (nnet_activation.h, unary_lut).

    ``table`` has an entry for each pattern of the source's format, negative values behind the positive ones.
    """

    table: Constant


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CastEach(Base):
    """``y_i = cast(cast_i(x_i))``, a type for each element; zero where it has no bits (HGQ's FixedPointQuantizer).

    ``bits``: (3, elements), signed or not, width and integer bits of each type; their modes are common.
    """

    bits: Constant
    rounding: Rounding
    overflow: Overflow

    def formats(self) -> list[FixedFormat | None]:
        """The type of each element, None where it has no bits."""
        columns = zip(*self.bits.raw.tolist(), strict=True)
        return [FixedFormat(w, i, bool(s), self.rounding, self.overflow) if w else None for s, w, i in columns]
