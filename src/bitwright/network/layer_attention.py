"""Layers of sequence models: embedding, layer normalization, products of two tensors."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.fixed import FixedFormat
from bitwright.network.layer_base import Base, Constant


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Embedding(Base):
    """``y_ji = cast(table[trunc(x_j * n) + i])``, the table flat, n entries in a row (nnet_embed.h).

    ``table`` has shape (rows, n).  An ``x`` outside of 0 to rows - 1 counts as the nearest of the two; hls4ml's C++
    reads beyond its array there.
    """

    table: Constant


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LayerNorm(Base):
    """``y_i = cast(d_i * table[index] * scale_i + bias_i)`` over the last axis (nnet_layernorm.h).

    ``d_i`` is ``x_i`` less the mean, the index that of the variance, all of them held in ``accum``.  ``table`` has
    1 / sqrt for a variance from 0 up to ``2**-range_power``; ``scale`` and ``bias`` are as long as the axis.
    """

    scale: Constant
    bias: Constant
    table: Constant
    accum: FixedFormat
    range_power: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Einsum(Base):
    """``y_ijk = cast(sum_c a_ijc * b_ikc)``: a product of matrices for each i (nnet_einsum.h).

    Sources have shapes (I, J, C) and (I, K, C), the result (I, J, K).  The sum is kept in ``accum``; each exact product
    is added to it before the cast.  Transpositions before and behind it are layers of their own.
    """

    accum: FixedFormat
