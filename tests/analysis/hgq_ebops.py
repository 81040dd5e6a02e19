"""HGQ 0.2's own cost of a model of random widths: `python hgq_ebops.py FOLDER SEED ...`, a folder for each seed.

Each gets `bops.json`, what `compute_exact_bops` counts in each layer, and the model's proxy, imported.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.frontend.flavours import Flavour

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "frontend"))
from making import make_each


def model(rng: np.random.Generator) -> Any:
    """Dense layers behind a quantizer, a width for each weight and each activation."""
    import tensorflow as tf
    from HGQ.layers import HDense, HQuantize
    from tf_keras import Sequential

    made = Sequential(
        [
            HQuantize(name="inp", beta=0, input_shape=(6,)),
            HDense(8, activation="relu", name="first", beta=0),
            HDense(5, activation="relu", name="second", beta=0),
            HDense(3, name="last", beta=0),
        ]
    )
    for layer in made.layers:
        for weight in layer.weights:
            if weight.name.rpartition("/")[2].startswith("fbw"):
                weight.assign(tf.constant(rng.integers(0, 6, weight.shape).astype(np.float32)))
            elif weight.name.rpartition("/")[2].startswith(("kernel", "bias")):
                values = rng.normal(0, 0.6, weight.shape).astype(np.float32)
                values.flat[0] = 3.0  # HGQ gives a bit too many to a power of two that is the largest weight
                weight.assign(tf.constant(values))
    return made


def run(folder: Path, name: str) -> None:
    """Count with HGQ, then make the proxy and import it."""
    from HGQ import to_proxy_model, trace_minmax

    from bitwright.frontend import worker
    from bitwright.frontend.request import ImportRequest

    (folder / "import").mkdir(parents=True)
    rng = np.random.default_rng(int(name))
    made = model(rng)
    trace_minmax(made, rng.normal(0, 1.5, (2000, 6)).astype(np.float32), verbose=False)
    counted = {layer.name: int(layer.compute_exact_bops) for layer in made.layers}
    (folder / "bops.json").write_text(json.dumps(counted), encoding="utf-8")
    to_proxy_model(made, aggressive=False).save(folder / "model.h5")
    worker.run(
        ImportRequest(
            name="net", model=folder / "model.h5", part="xcvu13p-flga2577-2-e", clock_ns=5, random=100,
            out=folder / "import",
        )
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(make_each(Flavour.HGQ, sys.argv[1], sys.argv[2:], run))
