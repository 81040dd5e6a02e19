"""HGQ2's own code on a model file: `python hgq2_ebops.py MODEL OUT` writes what it counts and has, layer by layer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.frontend.flavours import Flavour
from bitwright.frontend.prepare import prepare


def figures(layer: Any) -> dict[str, Any]:
    """Stored and computed EBOPs, and what they are made of."""
    n = int(layer.input.shape[-1])
    return {
        "stored": int(layer.ebops),
        "computed": float(layer._compute_ebops((1, n))),
        "activation_bits": np.asarray(layer.iq.bits_((1, n)))[0],
        "activation_signs": np.broadcast_to(np.asarray(layer.iq.quantizer.k), (1, n))[0],
        "weight_bits": np.asarray(layer.kq.bits_(layer.kernel.shape)),
        "bias_bits": np.asarray(layer.bq.bits_(layer.bias.shape)),
        "weights": np.asarray(layer.qkernel, dtype=np.float64),
        "biases": np.asarray(layer.qbias, dtype=np.float64),
    }


def main(model: str, out: str) -> None:
    prepare(Flavour.HGQ2)
    from bitwright.frontend import hgq2

    layers = hgq2.load(Path(model), None).layers
    found = {layer.name: figures(layer) for layer in layers if getattr(layer, "enable_ebops", False)}
    np.savez(out, **{f"{name}.{key}": value for name, own in found.items() for key, value in own.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
