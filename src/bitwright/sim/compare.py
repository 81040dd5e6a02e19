"""Comparison of oracles, bit for bit, and the first place where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.fixed import FixedFormat
from bitwright.network import Network
from bitwright.report.records import FirstMismatch, OraclePair, Status

Ints = npt.NDArray[np.int64]


def output_formats(network: Network, names: tuple[str, ...]) -> list[tuple[str, int, FixedFormat]]:
    """Layer, element and format of each column of joined outputs."""
    layers = network.by_name
    return [(name, i, layers[name].result) for name in names for i in range(layers[name].size)]


def pattern(raw: int, fmt: FixedFormat) -> str:
    """The bits of a raw value, most significant first."""
    return format(raw & ((1 << fmt.width) - 1), f"0{fmt.width}b")


def to_raw(values: npt.NDArray[np.float64], columns: list[tuple[str, int, FixedFormat]]) -> npt.NDArray[Any]:
    """Numbers as (possibly fractional) multiples of each column's last bit: equal bits, equal numbers."""
    scale = np.array([fmt.fraction for _, _, fmt in columns])
    return np.ldexp(values, scale)


def compare(
    left: str,
    right: str,
    expected: npt.NDArray[Any],
    actual: npt.NDArray[Any],
    columns: list[tuple[str, int, FixedFormat]],
    *,
    seed: int | None = None,
    what: str = "output",
) -> OraclePair:
    """Count the vectors that differ between two arrays (rows, columns) of raw values.

    Shapes that differ are a mismatch of every vector, never a shorter comparison.
    """
    if expected.shape != actual.shape or expected.shape[1] != len(columns):
        reason = f"{left} gave {expected.shape}, {right} gave {actual.shape}"
        return OraclePair(
            left=left, right=right, status=Status.FAILED, vectors=len(expected), bits=0, mismatches=len(expected),
            what=what, seed=seed, reason=reason,
        )  # fmt: skip
    different = (expected != actual).any(axis=1)
    mismatches = int(different.sum())
    status = Status.PASSED if not mismatches and len(expected) else Status.FAILED
    return OraclePair(
        left=left,
        right=right,
        status=status,
        vectors=len(expected),
        bits=len(expected) * sum(fmt.width for _, _, fmt in columns),
        mismatches=mismatches,
        what=what,
        seed=seed,
        first=first_mismatch(expected, actual, columns) if mismatches else None,
        reason="" if len(expected) else "there was no vector to compare",
    )


def first_mismatch(
    expected: npt.NDArray[Any], actual: npt.NDArray[Any], columns: list[tuple[str, int, FixedFormat]]
) -> FirstMismatch:
    """The first differing vector's first differing element."""
    vector, column = (int(n) for n in np.argwhere(expected != actual)[0])
    layer, element, fmt = columns[column]
    return describe(layer, element, vector, expected[vector, column], actual[vector, column], fmt)


def describe(layer: str, element: int, vector: int, expected: Any, actual: Any, fmt: FixedFormat) -> FirstMismatch:
    """A mismatch with bit patterns; a value off the format's grid (or none at all) is shown as a number."""
    return FirstMismatch(
        layer=layer,
        element=element,
        vector=vector,
        expected_bits=_bits(expected, fmt),
        actual_bits=_bits(actual, fmt),
        expected=_number(expected, fmt),
        actual=_number(actual, fmt),
        format=str(fmt),
    )


def _number(raw: Any, fmt: FixedFormat) -> float:
    """What a raw value stands for; JSON has no infinity, so that becomes the largest number, and NaN 0."""
    return float(np.nan_to_num(np.ldexp(float(raw), -fmt.fraction)))


def _bits(raw: Any, fmt: FixedFormat) -> str:
    if not isinstance(raw, int | np.integer) and not float(raw).is_integer():
        return f"{float(np.ldexp(float(raw), -fmt.fraction))!r} (not on the grid)"
    return pattern(int(raw), fmt)


def first_differing_layer(
    network: Network, vector: int, expected: Mapping[str, Ints], actual: Mapping[str, npt.NDArray[Any]]
) -> FirstMismatch | None:
    """The first layer, in network order, whose raw values differ for one vector.

    Args:
        network: gives order and formats.
        vector: the vector's number, for the message.
        expected: raw values (elements,) by layer.
        actual: the same from the other side; layers that it cannot see are left out.
    """
    for layer in network.layers:
        if layer.name not in actual or layer.name not in expected:
            continue
        seen = actual[layer.name]
        if seen.size != np.size(expected[layer.name]):  # a stream that stopped in the middle
            continue
        wrong = np.flatnonzero(np.asarray(expected[layer.name]).ravel() != seen.ravel())
        if len(wrong):
            i = int(wrong[0])
            raw = np.asarray(expected[layer.name]).ravel()[i]
            return describe(layer.name, i, vector, raw, seen.ravel()[i], layer.result)
    return None


def not_run(left: str, right: str, reason: str) -> OraclePair:
    """A comparison that could not be made."""
    return OraclePair(left=left, right=right, status=Status.NOT_RUN, vectors=0, bits=0, mismatches=0, reason=reason)
