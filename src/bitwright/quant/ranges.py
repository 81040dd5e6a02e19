"""From what was observed to scales: the published methods, with scales that are real numbers or powers of two.

``Q(r) = round(r / S)`` limited to the codes of ``b`` bits, ties to even, and ``r' = S Q(r)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt

from bitwright.quant.float_model import Floats
from bitwright.quant.observe import Extreme, Observed, centres, edges
from bitwright.quant.options import Form, Method, Options

OCTAVES_TRIED = 10
"""Powers of two below that of the largest value that MSE and ENTROPY try."""
SHARES_TRIED = 80
"""Shares of the whole range that they try for real scales."""


def symmetric_scale(magnitude: float, bits: int, form: Form, *, signed: bool) -> float:
    """The step of ``bits`` bits for numbers up to ``magnitude``; unsigned codes go up to ``2^b - 1`` in either form."""
    if not signed:
        return magnitude / (2**bits - 1)
    return 2 * magnitude / (2**bits - 1) if form is Form.FULL else magnitude / (2 ** (bits - 1) - 1)


def codes(bits: int, *, signed: bool) -> tuple[int, int]:
    """The smallest and the largest code."""
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


def power_of_two(scale: float) -> float:
    """The least power of two that is not below ``scale``."""
    mantissa, power = np.frexp(scale)
    return float(np.ldexp(1.0, int(power) - int(mantissa == 0.5)))


def short(scale: float, bits: int) -> float:
    """The least number of ``bits`` significant bits that is not below ``scale``."""
    mantissa, power = np.frexp(scale)
    return float(np.ldexp(np.ceil(mantissa * 2**bits), int(power) - bits))


def tried(scale: float, *, po2: bool) -> Floats:
    """The scales that a method which searches looks at, largest first."""
    if po2:
        return np.ldexp(power_of_two(scale), -np.arange(OCTAVES_TRIED + 1))
    return scale * np.arange(SHARES_TRIED, 1, -1) / SHARES_TRIED


# --- activations: from histograms --------------------------------------------------------------


LINEAR_BINS = 4096
"""Equal bins of both sides of zero for ENTROPY at up to 8 bits, 16 for each code as TensorRT has."""


@dataclass(frozen=True, slots=True, eq=False)
class _Histogram:
    """The bins that are not empty, zero among them: values, their counts, and how wide each bin is."""

    values: Floats
    counts: npt.NDArray[np.int64]
    widths: Floats


def _histogram(seen: Observed) -> _Histogram:
    middle, width = centres(), np.diff(edges())
    values = np.concatenate([-middle[::-1], [0.0], middle])
    counts = np.concatenate([seen.negative[::-1], [seen.zeros], seen.positive])
    widths = np.concatenate([width[::-1], [0.0], width])
    here = counts > 0
    return _Histogram(np.clip(values[here], seen.low, seen.high), counts[here], widths[here])


def activation_scale(seen: Observed, bits: int, options: Options, *, po2: bool) -> float:
    """The scale of a symmetric (or, without values below zero, unsigned) tensor of activations."""
    whole = symmetric_scale(seen.magnitude, bits, options.form, signed=seen.signed)
    if not seen.magnitude:
        return 2.0**-bits
    match options.method:
        case Method.MINMAX:
            chosen = whole
        case Method.PERCENTILE:
            limit = magnitude_quantile(seen, options.percentile)
            chosen = symmetric_scale(limit, bits, options.form, signed=seen.signed)
        case Method.MSE | Method.ENTROPY:
            table, ends = _histogram(seen), codes(bits, signed=seen.signed)
            loss = squared_error if options.method is Method.MSE else divergence
            candidates = tried(whole, po2=po2)
            losses = [loss(table.values, table.counts, table.widths, scale, ends) for scale in candidates]
            chosen = float(candidates[int(np.argmin(losses))])
        case _:
            assert_never(options.method)
    return power_of_two(chosen) if po2 else chosen


def magnitude_quantile(seen: Observed, percentile: float) -> float:
    """The upper edge of the bin in which the given share of all magnitudes ends; at most the largest seen."""
    counts = np.append(seen.zeros, seen.negative + seen.positive)
    need = int(np.ceil(seen.count * percentile / 100))
    reached = int(np.searchsorted(np.cumsum(counts), need))
    return min(float(edges()[reached]), seen.magnitude)


def affine_range(seen: Observed, bits: int, options: Options) -> tuple[float, float]:
    """The ends of what an affine quantizer covers; zero lies within."""
    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
    match options.method:
        case Method.MINMAX:
            return low, high
        case Method.PERCENTILE:
            limit = magnitude_quantile(seen, options.percentile)
            return max(low, -limit), min(high, limit)
        case Method.MSE | Method.ENTROPY:
            table, whole = _histogram(seen), (high - low) / (2**bits - 1)
            loss = squared_error if options.method is Method.MSE else divergence
            shares = tried(1.0, po2=False)
            ends = [(round(low / whole), round(low / whole) + 2**bits - 1)] * len(shares)
            losses = [
                loss(table.values, table.counts, table.widths, whole * s, e) for s, e in zip(shares, ends, strict=True)
            ]
            best = float(shares[int(np.argmin(losses))])
            return best * low, best * high
    assert_never(options.method)


def squared_error(
    values: Floats, counts: npt.NDArray[np.int64], widths: Floats, scale: float, ends: tuple[int, int]
) -> float:
    """The sum of squared errors; within bins that are wider than a step the error is uniform, ``S^2 / 12``."""
    rounded = np.rint(values / scale)
    error = np.square(values - np.clip(rounded, *ends) * scale)
    blurred = (widths > scale / 2) & (rounded >= ends[0]) & (rounded <= ends[1])
    return float((np.where(blurred, scale**2 / 12, error) * counts).sum())


def divergence(
    values: Floats, counts: npt.NDArray[np.int64], widths: Floats, scale: float, ends: tuple[int, int]
) -> float:
    """Kullback-Leibler divergence of the values, limited to the range, from what their codes tell of them.

    As in TensorRT's calibration: equal bins, of which no range may have fewer than codes; values outside count at the
    edge of the range; the counts of a code are spread evenly over those of its bins that are not empty.  Zeros, of
    which a relu makes many, are left out: they are exact in every scale.
    """
    del widths
    values, counts = values[values != 0], counts[values != 0]
    bins = LINEAR_BINS * max(1, (ends[1] - ends[0] + 1) // 256)
    width = np.abs(values).max() / (bins / 2)
    place = np.rint(values / width)
    inside = (values / scale >= ends[0] - 0.5) & (values / scale <= ends[1] + 0.5)
    if scale < width or not inside.any():
        return float("inf")
    _, group = np.unique(place[inside], return_inverse=True)
    reference = np.bincount(group, counts[inside])
    code = np.rint(np.unique(place[inside]) * (width / scale))
    _, member = np.unique(code, return_inverse=True)
    spread = (np.bincount(member, reference) / np.bincount(member))[member]
    reference[0] += counts[(values < 0) & ~inside].sum()
    reference[-1] += counts[(values > 0) & ~inside].sum()
    p, q = reference / reference.sum(), spread / spread.sum()
    return float((p * np.log(p / q)).sum())


@dataclass(frozen=True, slots=True)
class Clipped:
    """Values of a tensor that its quantizer limits: how many, beyond which ends, and those farthest out.

    ``exact`` says that every one of them was counted; else the histogram's bins were.
    """

    count: int
    low: float
    high: float
    exact: bool
    farthest: tuple[Extreme, ...]


def clipped(seen: Observed, low: float, high: float) -> Clipped:
    """What lies outside of ``low`` to ``high`` (in the case of PERCENTILE, what it stripped)."""
    far = [extreme for extreme in seen.extremes if not low <= extreme.value <= high]
    if len(far) < len(seen.extremes) or len(seen.extremes) == seen.count:
        listed = _listed_all(seen, low, high)
        if listed:
            return Clipped(len(far), low, high, True, tuple(far))
    ends = edges()[:-1]
    count = int(seen.positive[ends >= high].sum() + seen.negative[ends >= -low].sum())
    return Clipped(max(count, len(far)), low, high, False, tuple(far))


def _listed_all(seen: Observed, low: float, high: float) -> bool:
    """Whether the kept extremes hold all values outside: one of them is nearer to zero than both ends."""
    return min(abs(extreme.value) for extreme in seen.extremes) <= min(abs(low), abs(high)) if seen.extremes else True


# --- weights: from the numbers themselves ------------------------------------------------------


def weight_scales(weight: Floats, bits: int, options: Options, *, po2: bool) -> Floats:
    """The scale of each output channel (the last axis), or one for all."""
    columns = weight.reshape(-1, weight.shape[-1]) if options.per_channel else weight.reshape(-1, 1)
    magnitude = np.abs(columns).max(axis=0)
    if options.weight_method is Method.PERCENTILE:
        magnitude = np.quantile(np.abs(columns), options.percentile / 100, axis=0, method="higher")
    whole = symmetric_scale(1.0, bits, options.form, signed=True) * magnitude
    whole = np.where(whole > 0, whole, whole.max() or 2.0**-bits)
    chosen = whole
    if options.weight_method in (Method.MSE, Method.ENTROPY):
        chosen = np.array([_least_error(column, s, bits, po2=po2) for column, s in zip(columns.T, whole, strict=True)])
    return np.array([power_of_two(s) if po2 else s for s in chosen])


def _least_error(column: Floats, whole: float, bits: int, *, po2: bool) -> float:
    candidates = tried(float(whole), po2=po2)
    quantized = np.clip(np.rint(column[:, None] / candidates), *codes(bits, signed=True)) * candidates
    return float(candidates[int(np.argmin(np.square(column[:, None] - quantized).sum(axis=0)))])
