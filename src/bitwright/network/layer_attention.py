"""Layers of sequence models: embedding, layer normalization, products of two tensors."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.network.layer_base import Base, Constant


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Embedding(Base):
    """``y_ji = cast(table[trunc(x_j * n) + i])``, the table flat, n entries in a row (nnet_embed.h).

    ``table`` has shape (rows, n).  An ``x`` outside of 0 to rows - 1 counts as the nearest of the two; hls4ml's C++
    reads beyond its array there.
    """

    table: Constant
