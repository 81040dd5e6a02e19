"""What hls4ml alone writes for recurrent layers that it loses: ``python lost_recurrence.py FOLDER``.

Each case leaves ``NAME.json`` with the C++ of its top and the sizes of its weights, or the error.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from bitwright.frontend.flavours import Flavour
from bitwright.frontend.prepare import prepare


def layers_of() -> dict[str, Any]:
    from tf_keras import layers

    return {
        "simple": layers.SimpleRNN(2, name="cell"),
        "before": layers.GRU(2, reset_after=False, name="cell"),
        "after": layers.GRU(2, name="cell"),
        "no_bias": layers.LSTM(2, use_bias=False, name="cell"),
    }


def write(folder: Path, layer: Any) -> dict[str, Any]:
    """The call of the layer in the C++, and how many biases it has."""
    import hls4ml
    import tf_keras

    x = tf_keras.layers.Input((3, 2), name="in_1")
    model = tf_keras.Model(x, layer(x), name="net")
    config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="Vitis")
    options = {"backend": "Vitis", "io_type": "io_parallel", "output_dir": str(folder)}
    hls4ml.converters.convert_from_keras_model(model, hls_config=config, **options).write()
    top = (folder / "firmware" / "myproject.cpp").read_text(encoding="utf-8")
    bias = (folder / "firmware" / "weights" / "b2.h").read_text(encoding="utf-8")
    return {"calls": re.findall(r"nnet::(\w+)<", top), "biases": int(re.findall(r"b2\[(\d+)\]", bias)[0])}


def main(argv: list[str]) -> int:
    """Convert each with hls4ml."""
    prepare(Flavour.KERAS2)
    for name, layer in layers_of().items():
        folder = Path(argv[1]) / name
        try:
            found = write(folder, layer)
        except Exception as error:  # that is what is to be found out
            found = {"error": f"{type(error).__name__}: {error}"}
        (Path(argv[1]) / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
