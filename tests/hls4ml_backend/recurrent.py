"""A folded and a parallel GRU as streams through the backend and through Vitis' C++; answers go to results.json."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tf_keras

sys.modules["keras"] = tf_keras  # hls4ml chooses its reader by what is called so


def convert(model: Any, backend: str) -> Any:
    import hls4ml
    from hls4ml.utils import config_from_keras_model

    config = config_from_keras_model(model, granularity="name", backend=backend, default_precision="fixed<12,4>")
    config["LayerName"]["folded"] |= {"Strategy": "Resource", "ReuseFactor": 3}
    made = hls4ml.converters.convert_from_keras_model(
        model, hls_config=config, backend=backend, output_dir=backend, io_type="io_stream",
        part="xcvu13p-flga2577-2-e", clock_period=5,
    )  # fmt: skip
    made.compile()
    return made


def main() -> None:
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(1)
    first = layers.GRU(3, return_sequences=True, name="folded")
    model = tf_keras.Sequential([layers.Input((4, 3), name="in_1"), first, layers.GRU(2, name="last")])
    x = np.random.default_rng(1).uniform(-2, 2, (50, 4, 3)).astype(np.float32)
    ours, cpp = (convert(model, backend).predict(x) for backend in ("Bitwright", "Vitis"))
    Path("results.json").write_text(json.dumps({"equal": bool(np.array_equal(ours, cpp)), "shape": ours.shape}))


if __name__ == "__main__":
    main()
