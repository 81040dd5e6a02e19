"""Test vectors: real rows, random on the input grid, and corners, as raw inputs of a Network."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.errors import DatasetError
from bitwright.fixed import FixedFormat, Overflow, Raw, Rounding, quantize
from bitwright.network.layers import Conv, Dense, Embedding, Network

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Raw inputs ``x`` (rows, elements); the first ``real`` rows come from the data set, in its order."""

    x: Ints
    real: int
    seed: int


def input_formats(network: Network) -> list[FixedFormat]:
    """The format of each input element, in order."""
    return [layer.result for layer in network.inputs for _ in range(layer.size)]


def quantize_rows(rows: npt.NDArray[Any], formats: list[FixedFormat]) -> Ints:
    """Real numbers (rows, elements) brought to the input grid as a host would.

    A format that states rounding and saturation keeps them; a plain TRN/WRAP one (hls4ml's default,
    which would turn a large value into a small one) is rounded to nearest and saturated instead.

    Raises:
        DatasetError: wrong number of columns, NaN or infinity.
    """
    flat = np.asarray(rows, dtype=np.float64).reshape(len(rows), -1)
    if flat.shape[1] != len(formats):
        raise DatasetError(
            f"rows of {flat.shape[1]} features, the model takes {len(formats)}", hint="check 'data' in model.yaml"
        )
    if not np.isfinite(flat).all():
        bad = int(np.argwhere(~np.isfinite(flat))[0][0])
        raise DatasetError(f"row {bad} holds NaN or infinity", hint="remove it from the data set")
    columns = [_host_quantize(flat[:, i], fmt) for i, fmt in enumerate(formats)]
    return np.stack(columns, axis=1) if columns else np.empty((len(flat), 0), dtype=np.int64)


def _host_quantize(column: npt.NDArray[np.float64], fmt: FixedFormat) -> Ints:
    plain = fmt.rounding is Rounding.TRN and fmt.overflow is Overflow.WRAP
    rounding = Rounding.RND if plain else fmt.rounding
    overflow = Overflow.SAT if fmt.overflow is Overflow.WRAP else fmt.overflow
    grid = FixedFormat(fmt.width, fmt.integer, fmt.signed, rounding, overflow)
    return quantize(_quarters(np.ldexp(column, fmt.fraction), fmt), grid.fraction + 2, grid)


def _quarters(scaled: npt.NDArray[np.float64], fmt: FixedFormat) -> Raw:
    """Numbers as quarters that round alike: below, at or above a half is all that rounding asks."""
    far = 2.0 ** (fmt.width + 1)
    whole = np.trunc(np.clip(scaled, -far, far))
    rest = np.clip(scaled, -far, far) - whole  # exact: it shares the number's last bit
    quarters = np.sign(rest) * np.select([rest == 0, np.abs(rest) < 0.5, np.abs(rest) == 0.5], [0, 1, 2], 3)
    exact = whole.astype(np.int64) if fmt.width < 58 else np.array([int(n) for n in whole], dtype=object)
    return exact * 4 + quarters.astype(np.int64)


def corners(formats: list[FixedFormat]) -> Ints:
    """All minimum, all maximum, zero, one step, minus one step, alternating both ways, one hot at each end."""
    low = np.array([fmt.lower for fmt in formats], dtype=np.int64)
    high = np.array([fmt.max for fmt in formats], dtype=np.int64)
    even = np.arange(len(formats)) % 2 == 0
    rows = [
        low, high, low * 0, low * 0 + 1, np.maximum(low * 0 - 1, low),
        np.where(even, low, high), np.where(even, high, low), low >> 1, high >> 1,
    ]  # fmt: skip
    return np.minimum(np.stack(rows), high)


def random_rows(formats: list[FixedFormat], rows: int, rng: np.random.Generator) -> Ints:
    """Rows uniform on the grid, every other one with a random smaller amplitude, as data has."""
    columns = [rng.integers(fmt.lower, fmt.max, size=rows, endpoint=True) for fmt in formats]
    x = np.stack(columns, axis=1)
    x[1::2] >>= rng.integers(0, max(fmt.width for fmt in formats), size=(len(x[1::2]), 1))
    return x


def tokens(network: Network) -> dict[int, int]:
    """Columns of the vectors that are indices, each with the rows of the smallest Embedding that it is for."""
    embeddings = [layer for layer in network.layers if isinstance(layer, Embedding)]
    found, edge = dict[int, int](), 0
    for source in network.inputs:
        rows = [len(layer.table.raw) for layer in embeddings if source.name in layer.sources]
        found |= dict.fromkeys(range(edge, edge + source.size), min(rows)) if rows else {}
        edge += source.size
    return found


def _as_tokens(x: Ints, network: Network) -> Ints:
    """The rows with a whole number below the table's end in each column of indices."""
    formats = input_formats(network)
    for column, rows in tokens(network).items():
        fmt = formats[column]
        step = 1 << max(-fmt.fraction, 0)
        count = min((rows - 1) // step + 1, (fmt.max >> max(fmt.fraction, 0)) + 1)
        x[:, column] = (x[:, column] % count) << max(fmt.fraction, 0)
    return x


def _check_tokens(x: Ints, network: Network) -> None:
    formats = input_formats(network)
    for column, rows in tokens(network).items():
        index = x[:, column] * 2.0 ** -formats[column].fraction
        wrong = (index < 0) | (index > rows - 1)
        if wrong.any():
            raise DatasetError(
                f"row {int(wrong.argmax())} has index {index[wrong][0]:g} for an embedding of {rows} rows",
                hint="give whole numbers from zero up, below the embedding's input_dim",
            )


WORK = 1_000_000_000
"""Products of all vectors together, above :data:`FEWEST` vectors."""

FEWEST = 1000

ELEMENTS = 20_000_000
"""Input elements of all vectors together: images of 512 x 512 pixels would fill the memory."""


def _affordable(network: Network, real: int, random: int) -> tuple[int, int]:
    """Numbers of real and random vectors in the same proportion, as many as WORK and ELEMENTS allow."""
    size = sum(layer.size for layer in network.inputs)
    most = min(max(FEWEST, WORK // max(products(network), 1)), max(ELEMENTS // size, 1))
    if real + random <= most:
        return real, random
    part = real * most // (real + random)
    return part, most - part


def products(network: Network) -> int:
    """Products with weights that one vector needs."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, Dense | Conv):
            total += layer.weight.raw.size * (prod(layer.shape[:-1]) if isinstance(layer, Conv) else 1)
    return total


def draw(network: Network, rows: npt.NDArray[Any] | None, real: int, random: int, seed: int) -> Vectors:
    """The vectors of a run: real rows first, then corners, then random ones; the seed decides all.

    Indices of an Embedding are whole numbers of its table in all of them, as hls4ml's C++ reads beyond it.
    Random ones stand in for real rows that the data set does not have.  A network with many products gets fewer of
    both (see :data:`WORK`): hls4ml's C++ did 19 to 91 million products a second.
    """
    real, random = _affordable(network, real, random)
    formats = input_formats(network)
    taken = 0 if rows is None else min(len(rows), real)
    made = [corners(formats), random_rows(formats, random + real - taken, np.random.default_rng(seed))]
    parts = [_as_tokens(part, network) for part in made]
    if rows is not None and len(rows) and real:
        head = quantize_rows(rows[:real], formats)
        _check_tokens(head, network)
        taken = len(head)
        parts.insert(0, head)
    return Vectors(np.concatenate(parts), taken, seed)
