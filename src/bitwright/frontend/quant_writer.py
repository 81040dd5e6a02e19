"""Write a quantized model as a QKeras file: ``python -m bitwright.frontend.quant_writer REQUEST``, its own process.

What it writes is plain data of :mod:`bitwright.quant.keras_layers`; here it becomes Keras 2 and QKeras 0.9.0 layers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.errors import BitwrightError
from bitwright.files import read_arrays, read_json, whole_file, write_json
from bitwright.frontend.flavours import Flavour
from bitwright.frontend.prepare import prepare
from bitwright.frontend.request import WriteRequest

EPSILON = 2.0**-10
"""Of a batch norm that is a scale and a bias: its variance is one less this, so that Keras adds nothing inexact."""

Options = Mapping[str, Any]


def run(request: WriteRequest) -> None:
    """Write ``model.h5`` into ``request.out``."""
    prepare(Flavour.KERAS2)
    data, arrays = read_json(request.layers), read_arrays(request.layers.with_suffix(".npz"))
    model = build(data, arrays)
    with whole_file(request.out / "model.h5") as part:
        model.save(str(part), save_format="h5", include_optimizer=False)


def build(data: Options, arrays: Mapping[str, Any]) -> Any:
    """The Keras model of plain data.

    Raises:
        BitwrightError: a quantizer changes a weight, which is a fault of ours.
    """
    import tf_keras

    tensors: dict[str, Any] = {}
    inputs = []
    for layer in data["layers"]:
        name = layer["name"]
        if layer["kind"] == "Input":
            tensors[name] = tf_keras.Input(layer["options"]["shape"], name=name)
            inputs.append(tensors[name])
            continue
        made = _made(layer["kind"], layer["options"], name)
        sources = [tensors[source] for source in layer["sources"]]
        tensors[name] = made(sources[0] if len(sources) == 1 else sources)
        weights = [arrays[f"{name}/{i}"] for i in range(layer["weights"])]
        if weights:
            _set(made, weights)
    return tf_keras.Model(inputs, [tensors[name] for name in data["outputs"]], name=data["name"])


def _made(kind: str, options: Options, name: str) -> Any:
    import tf_keras

    if kind in _BUILDERS:
        return _BUILDERS[kind](options, name)
    return getattr(tf_keras.layers, kind)(**options, name=name)


def _set(layer: Any, weights: list[Any]) -> None:
    if type(layer).__name__ == "BatchNormalization":
        scale, bias = weights
        weights = [scale, bias, np.zeros_like(scale), np.full_like(scale, 1 - EPSILON)]
    layer.set_weights(weights)
    quantizers = layer.get_quantizers() if hasattr(layer, "get_quantizers") else []
    for quantizer, weight in zip(quantizers, weights, strict=False):
        if not np.array_equal(np.asarray(quantizer(weight.astype(np.float32))), weight):
            raise BitwrightError(f"its quantizer changes the weights of '{layer.name}'", where=str(quantizer))


def _bits(grid: Mapping[str, int]) -> Any:
    from qkeras import quantized_bits

    return quantized_bits(grid["bits"], grid["integer"], alpha=1)


def _activation(options: Options, name: str) -> Any:
    from qkeras import QActivation, quantized_bits, quantized_relu

    bits, integer = options["bits"], options["integer"]
    relu = options["function"] == "quantized_relu"
    return QActivation(quantized_relu(bits, integer) if relu else quantized_bits(bits, integer, alpha=1), name=name)


def _product(kind: str, kernel: str = "kernel_quantizer") -> Callable[[Options, str], Any]:
    def build(options: Options, name: str) -> Any:
        import qkeras

        plain = {key: value for key, value in options.items() if key not in ("kernel", "bias")}
        quantizers = {kernel: _bits(options["kernel"]), "bias_quantizer": _bits(options["bias"])}
        return getattr(qkeras, kind)(**plain, **quantizers, name=name)

    return build


def _depthwise1(options: Options, name: str) -> Any:
    import tf_keras

    plain = {key: value for key, value in options.items() if key not in ("kernel", "bias")}
    return tf_keras.layers.DepthwiseConv1D(**plain, name=name)


def _batch_norm(_options: Options, name: str) -> Any:
    import tf_keras

    return tf_keras.layers.BatchNormalization(epsilon=EPSILON, name=name)


def _zero_pad(options: Options, name: str) -> Any:
    import tf_keras

    sides = options["padding"]
    if len(sides) == 2:
        return tf_keras.layers.ZeroPadding1D(tuple(sides), name=name)
    return tf_keras.layers.ZeroPadding2D((tuple(sides[:2]), tuple(sides[2:])), name=name)


_BUILDERS: dict[str, Callable[[Options, str], Any]] = {
    "QActivation": _activation, "QDense": _product("QDense"), "QConv1D": _product("QConv1D"),
    "QConv2D": _product("QConv2D"), "QDepthwiseConv2D": _product("QDepthwiseConv2D", "depthwise_quantizer"),
    "DepthwiseConv1D": _depthwise1, "BatchNormalization": _batch_norm, "ZeroPadding1D": _zero_pad,
    "ZeroPadding2D": _zero_pad,
}  # fmt: skip


def main(argv: list[str]) -> int:
    """Read the request, work, and leave ``error.json`` where something went wrong."""
    request = WriteRequest.model_validate_json(Path(argv[1]).read_text(encoding="utf-8"))
    try:
        run(request)
    except BitwrightError as error:
        write_json(request.out / "error.json", error.to_dict())
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
