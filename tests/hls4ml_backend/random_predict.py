"""``python random_predict.py HEAD:SEED ...``: random models through Vitis' C++ and through our RTL, on random floats.

Answers go to results.json: what differed, or the error of a conversion, by case.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "frontend"))


def graph(model: Any, config: Any, backend: str, folder: str) -> Any:
    """A compiled conversion; the C++ of a Softmax layer needs our mend."""
    from hls4ml.converters import convert_from_keras_model

    from bitwright.frontend.convert import mend_softmax

    made = convert_from_keras_model(model, hls_config=config, backend=backend, output_dir=folder)
    mend_softmax(made)
    made.compile()
    return made


def case(head: str, seed: int) -> str:
    """What differs; empty if nothing does."""
    from hls4ml.utils import config_from_keras_model
    from random_models import build, override, set_weights

    rng = random.Random(f"{head} {seed}")
    model = build(rng, head)
    set_weights(model, seed)
    config = config_from_keras_model(model, granularity="name", backend="Bitwright")
    for name, layer in override(model, rng)["LayerName"].items():
        config["LayerName"][name]["Precision"].update(layer.pop("Precision", {}))
        config["LayerName"][name].update(layer)
    for layer in config["LayerName"].values():
        layer["Trace"] = True
    ours, cpp = (graph(model, config, name, f"{head}_{seed}_{name}") for name in ("Bitwright", "Vitis"))
    draw = np.random.default_rng(seed)
    rows = [draw.normal(0, 2.0 ** draw.integers(-2, 6), (400, int(t.shape[1]))) for t in model.inputs]
    rows = rows if len(rows) > 1 else rows[0]
    y, y_cpp = ours.predict(rows), cpp.predict(rows)
    pairs = zip(y, y_cpp, strict=True) if isinstance(y_cpp, list) else [(y, y_cpp)]
    wrong = [f"output {i}" for i, (a, b) in enumerate(pairs) if not np.array_equal(a, b)]
    traced, expected = ours.trace(rows)[1], cpp.trace(rows)[1]
    return ", ".join(wrong + [name for name in expected if not np.array_equal(expected[name], traced.get(name))])


def main(argv: list[str]) -> None:
    """All cases, in a process for Keras 2."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    setattr(np, "product", np.prod)  # noqa: B010  (hls4ml's power-of-two weights on NumPy 2)
    import tf_keras

    sys.modules["keras"] = tf_keras
    results = {}
    for word in argv[1:]:
        head, _, seed = word.partition(":")
        try:
            results[word] = case(head, int(seed))
        except Exception as error:
            results[word] = f"{type(error).__name__}: {error}"
    Path("results.json").write_text(json.dumps(results))


main(sys.argv)
