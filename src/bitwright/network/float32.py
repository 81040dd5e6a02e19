"""Which vectors a float32 evaluation (Keras) computes exactly: there equality of bits is demanded.

A sum of products is exact in float32, in any order, when the sum of their magnitudes stays below
2**24 steps of the product's grid (the 24-bit significand of IEEE 754 binary32).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bitwright.network.layers import (
    Constant,
    Conv,
    Dense,
    Dot,
    Einsum,
    ExpLinear,
    HardSigmoid,
    Layer,
    LayerNorm,
    Lookup,
    Merge,
    MergeOp,
    Network,
    Pool,
    PoolOp,
    Recurrent,
    ScaleBias,
    Softmax,
    Table,
)

LIMIT = float(1 << 24)


def float32_exact(network: Network, values: Mapping[str, npt.NDArray[np.int64]]) -> tuple[npt.NDArray[np.bool_], str]:
    """Rows that float32 evaluates exactly, and why others are not.

    Args:
        network: the network.
        values: raw outputs (rows, elements) of every layer.

    Returns:
        A mask (rows,), and the reason for what is left out, empty where nothing is.
    """
    rows = len(next(iter(values.values())))
    exact = np.ones(rows, dtype=bool)
    layers = network.by_name
    for layer in network.layers:
        if reason := _never_exact(layer):
            return np.zeros(rows, dtype=bool), f"'{layer.name}' {reason}"
        exact &= _layer_exact(layer, [layers[s] for s in layer.sources], values)
    left_out = int((~exact).sum())
    return exact, f"{left_out} vectors whose sums exceed float32's 24 bits are left out" if left_out else ""


def _never_exact(layer: Layer) -> str:
    """Why Keras computes another number by design; empty where it does not."""
    if isinstance(layer, Table | Softmax | ExpLinear | HardSigmoid | Lookup | Recurrent | LayerNorm):
        return "is a table here and a float function in Keras"
    if isinstance(layer, Pool) and layer.op is PoolOp.AVERAGE:
        return "is an average that is rounded here and a float in Keras"
    return ""


def _layer_exact(
    layer: Layer, sources: list[Layer], values: Mapping[str, npt.NDArray[np.int64]]
) -> npt.NDArray[np.bool_]:
    x = [np.abs(values[source.name].astype(np.float64)) for source in sources]
    match layer:
        case Dense():
            step = sources[0].result.fraction + layer.weight.format.fraction
            total = x[0] @ np.abs(layer.weight.raw.astype(np.float64))
            total = _with_bias(total, step, layer.bias)
        case Conv():
            step = sources[0].result.fraction + layer.weight.format.fraction
            weights = np.abs(layer.position.weight.raw.astype(np.float64)).sum(axis=0)
            total = _with_bias(x[0].max(axis=1, keepdims=True) * weights, step, layer.bias)
        case ScaleBias():
            step = sources[0].result.fraction + layer.scale.format.fraction
            total = x[0] * np.resize(np.abs(layer.scale.raw.astype(np.float64)), layer.size)
            total = _with_bias(total, step, layer.bias)
        case Merge(op=MergeOp.MULTIPLY):
            total = x[0].max(axis=1, keepdims=True) * x[1].max(axis=1, keepdims=True)
        case Merge():
            step = max(source.result.fraction for source in sources)
            ends = [a.max(axis=1) * 2.0 ** (step - s.result.fraction) for a, s in zip(x, sources, strict=True)]
            total = (ends[0] + ends[1])[:, None]
        case Dot():
            total = (x[0] * x[1]).sum(axis=1, keepdims=True)
        case Einsum():
            a, b = (v.reshape(len(v), *source.shape) for v, source in zip(x, sources, strict=True))
            total = np.einsum("nijc,nikc->nijk", a, b).reshape(len(a), -1)
        case _:
            total = np.abs(values[layer.name].astype(np.float64))
    return np.asarray(total.max(axis=1) < LIMIT)


def _with_bias(total: npt.NDArray[np.float64], fraction: int, bias: Constant) -> npt.NDArray[np.float64]:
    """Magnitudes of product sums plus the bias, in steps of the finer grid of the two."""
    step = max(fraction, bias.format.fraction)
    return total * 2.0 ** (step - fraction) + np.resize(np.abs(bias.value), total.shape[1]) * 2.0**step
