"""What a layer with weights would cost at each reuse factor, before anything is emitted.

The formulas were fitted to Yosys' netlists of this project's own designs: of 13 folded layers (jet3 at reuse factor 16,
mnist_mlp, mnist_cnn, 16x100x100x100x100x100x5) all came out within 10 %, of 15 parallel ones within 30 %, but small
layers of a 95 % pruned model up to 3.6 times too large.  Of a recurrent layer of 32 units the estimate is 19 % low:
its ROMs are in LUTs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from bitwright.errors import UsageError
from bitwright.fixed import FixedFormat
from bitwright.network import Network
from bitwright.network.layers import Conv, Dense, Merge, MergeOp, Recurrent
from bitwright.rtl import engine_dense, engine_recurrent
from bitwright.rtl.engine_dense import valid_reuse_factors
from bitwright.rtl.kernel import Kernel, build, cost
from bitwright.rtl.partition_recurrent import is_recurrent_engine

_TIMES = MergeOp.MULTIPLY

LUT_PER_ADDER_BIT = 0.65
"""LUTs for each bit of each adder of a parallel product, after sharing."""
LUT_PER_PRODUCT_BIT = 1.6
"""LUTs of a multiplier in logic, for each bit of one factor times each of the other."""
PARALLEL_LATENCY = 3
"""Clocks of a parallel layer, about."""
LUT_PER_CHOSEN_BIT = 0.5
"""LUTs of a choice among groups of units, for each bit of all of them."""
GATE_PRODUCTS = 3
"""Multiplications of each unit in its gates, for both cells."""
DEPTH_PER_STAGE = 5.0
"""The default of targets."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One layer at one reuse factor.

    Attributes:
        layer: its name.
        reuse: the factor; 1 is fully parallel.
        multipliers: products per clock; 0 where they are adders of shifted inputs.
        lut: LUTs.
        dsp: DSP blocks.
        memory_bits: weights in ROM.
        interval: clocks per inference.
        latency: clocks from the layer's (last) input to its result.
    """

    layer: str
    reuse: int
    multipliers: int
    lut: int
    dsp: int
    memory_bits: int
    interval: int
    latency: int


def estimates(network: Network) -> dict[str, tuple[Estimate, ...]]:
    """Every layer that has weights, at every reuse factor that it may have, ascending."""
    found = {}
    for layer in network.layers:
        if isinstance(layer, Recurrent):
            found[layer.name] = tuple(_recurrent(network, layer))
        if isinstance(layer, Dense | Conv):
            product, positions = _product(network, layer)
            source = network.layer(layer.sources[0]).result
            found[layer.name] = tuple(_estimates(product, source, positions))
    return found


def _product(network: Network, layer: Dense | Conv) -> tuple[Dense, int]:
    """The matrix product, and how many times an inference needs it, one after another."""
    if isinstance(layer, Dense):
        return layer, 1
    return layer.position, prod(layer.shape[:-1]) if network.io_type == "io_stream" else 1


def _estimates(layer: Dense, source: FixedFormat, positions: int) -> Iterator[Estimate]:
    for factor in valid_reuse_factors(*layer.weight.raw.shape):
        if factor == 1:
            yield Estimate(layer.name, 1, 0, parallel_lut(layer, source), 0, 0, positions, PARALLEL_LATENCY)
            continue
        yield folded(layer, source, factor, positions)


def folded(layer: Dense, source: FixedFormat, factor: int, positions: int = 1) -> Estimate:
    """A layer with a reuse factor above 1."""
    count, (n_in, n_out) = layer.weight.raw.size // factor, layer.weight.raw.shape
    lanes = n_out // max(factor // n_in, 1)
    dsp = engine_dense.uses_dsp(layer, source)
    product = 0.0 if dsp else LUT_PER_PRODUCT_BIT * source.width * layer.weight.format.width
    sums = (count - lanes) * layer.accum.width + 2 * lanes * layer.accum.width
    lut = count * product + sums + n_in * source.width
    bits = layer.weight.raw.size * layer.weight.format.width
    latency = engine_dense.latency(n_in, factor, layer.accum)
    return Estimate(layer.name, factor, count, round(lut), count if dsp else 0, bits, factor * positions, latency)


def _recurrent(network: Network, layer: Recurrent) -> Iterator[Estimate]:
    source, gates = network.layer(layer.sources[0]), _Gates.of(layer)
    streamed, steps = network.io_type == "io_stream", source.shape[0]
    for reuse in engine_recurrent.reuse_factors(layer):
        made = engine_recurrent.with_factor(layer, reuse)
        parts = [
            _part(product, fmt) for product, fmt in zip(made.products(), (source.result, layer.result), strict=True)
        ]
        count = engine_recurrent.groups(made)
        lut, dsp, period = gates.lut(made, count), gates.dsp * (layer.units // count), gates.clocks + count
        period += max(part.latency for part in parts)
        if not streamed and not is_recurrent_engine(network, made):
            total = steps * round(sum(part.lut for part in parts) + lut)
            yield Estimate(layer.name, reuse, 0, total, steps * dsp, 0, 1, steps * (gates.clocks + 1))
            continue
        yield Estimate(
            layer.name, reuse, sum(part.multipliers for part in parts), round(sum(part.lut for part in parts) + lut),
            sum(part.dsp for part in parts) + dsp, sum(part.memory_bits for part in parts), steps * period,
            period + 1 if streamed else steps * period,
        )  # fmt: skip


def _part(product: Dense, source: FixedFormat) -> Estimate:
    """One of the two products of a step."""
    if engine_dense.is_folded(product):
        return folded(product, source, product.reuse_factor)
    return Estimate(product.name, 1, 0, parallel_lut(product, source), 0, 0, 1, PARALLEL_LATENCY)


@dataclass(frozen=True, slots=True)
class _Gates:
    """The gates of one unit: alkaid's cost but for the products, which go to DSP blocks, and clocks."""

    cost: float
    dsp: int
    clocks: int

    @staticmethod
    def of(layer: Recurrent) -> _Gates:
        kernel = build(engine_recurrent.gates_network(layer, "gates", 1), DEPTH_PER_STAGE)
        return _Gates(gates_lut(kernel), GATE_PRODUCTS, kernel.latency)

    def lut(self, layer: Recurrent, count: int) -> float:
        """LUTs of as many units as go at once, and of their choice."""
        return self.cost * (layer.units // count) + choice_lut(layer, count)


def gates_lut(kernel: Kernel) -> float:
    """Alkaid's estimate of what is no product of two variables."""
    products = {layer.name for layer in kernel.network.layers if isinstance(layer, Merge) and layer.op is _TIMES}
    return sum(cost(module) for module in kernel.modules if not products & set(module.layers))


def choice_lut(layer: Recurrent, count: int) -> float:
    """The choice of a group's products among those of all units."""
    return LUT_PER_CHOSEN_BIT * 2 * layer.cell.gates * layer.units * layer.accum.width if count > 1 else 0.0


def parallel_lut(layer: Dense, source: FixedFormat) -> int:
    """Adders of the shifted inputs that the weights' signed digits ask for, shared where they repeat."""
    adders = np.maximum(_digits(layer.weight.raw).sum(axis=0) - 1, 0).sum()
    return round(float(adders) * (source.width + 2) * LUT_PER_ADDER_BIT)


def _digits(raw: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Non-zero digits of each number in canonical signed digits (Reitwiesner 1960): the ones of 3x xor x."""
    magnitude = np.abs(raw)
    return np.bitwise_count((3 * magnitude) ^ magnitude).astype(np.int64)


# --- choosing ----------------------------------------------------------------------------------


def choose(
    table: Mapping[str, tuple[Estimate, ...]], lut: int | None, dsp: int | None, interval: int | None
) -> dict[str, Estimate]:
    """A reuse factor for each layer: the shortest interval that fits, or the cheapest within ``interval``.

    Raises:
        UsageError: nothing fits; says what the smallest hardware needs.
    """
    slowest = max((rows[0] for rows in table.values()), key=lambda row: row.interval)
    if interval is not None and interval < slowest.interval:
        raise UsageError(
            f"layer '{slowest.layer}' takes {slowest.interval} clocks per inference at best, more than {interval}",
            hint=f"allow {slowest.interval} clocks, or use io_parallel",
        )
    all_of_them = sorted({e.interval for rows in table.values() for e in rows if e.interval >= slowest.interval})
    candidates = [interval] if interval else all_of_them
    chosen: dict[str, Estimate] = {}
    for clocks in candidates:
        chosen = {name: _cheapest(rows, clocks) for name, rows in table.items()}
        if fits(chosen, lut, dsp):
            return chosen
    used_lut, used_dsp = totals(chosen)
    raise UsageError(
        f"nothing fits: at {candidates[-1]} clocks per inference it still needs {used_lut} LUT and {used_dsp} DSP",
        hint="allow more clocks or more of the device, or use fewer bits",
    )


def _cheapest(rows: tuple[Estimate, ...], clocks: int) -> Estimate:
    """Of the factors that keep the interval the one with the fewest LUTs."""
    return min((row for row in rows if row.interval <= clocks), key=lambda row: (row.lut + 100 * row.dsp, row.reuse))


def fits(chosen: Mapping[str, Estimate], lut: int | None, dsp: int | None) -> bool:
    """Whether the sums stay within what is given."""
    used_lut, used_dsp = totals(chosen)
    return (lut is None or used_lut <= lut) and (dsp is None or used_dsp <= dsp)


def totals(chosen: Mapping[str, Estimate]) -> tuple[int, int]:
    """LUT and DSP of all layers."""
    return sum(e.lut for e in chosen.values()), sum(e.dsp for e in chosen.values())
