"""What a model file is: damaged ones, dangerous ones and unsupported ones are named, and none is ever run."""

from __future__ import annotations

import base64
import contextlib
import json
import marshal
import subprocess
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from tiny import (
    layer,
    model,
    tiny_layers,
    tiny_model,
    tiny_weights,
    with_modules,
    write_h5,
    write_json,
    write_keras,
)

from bitwright.errors import ModelError, UnsupportedLayerError
from bitwright.frontend.flavours import STACKS, Flavour
from bitwright.frontend.modelcheck import CODE, LAYERS, nodes
from bitwright.frontend.modelfile import inspect, weights_beside

WRITERS: dict[str, Callable[..., Path]] = {"m.h5": write_h5, "m.json": write_json, "m.keras": write_keras}


@pytest.fixture(params=sorted(WRITERS))
def container(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """Each of the three kinds of file, as a function of the model's description."""
    name = request.param

    def write(description: Any = None, **more: Any) -> Path:
        return WRITERS[name](tmp_path / name, description, **more)

    return write


def refused(path: Path, weights: Path | None = None) -> ModelError:
    with pytest.raises(ModelError) as caught:
        inspect(path, weights)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value


# --- good files --------------------------------------------------------------------------------


def test_a_good_file(container: Callable[..., Path]) -> None:
    path = container()
    file = inspect(path)
    assert (file.path, file.flavour, file.keras_version) == (
        path,
        Flavour.KERAS2,
        "2.21.0",
    )
    assert {"QDense", "QActivation", "Activation", "InputLayer", "quantized_bits"} <= set(file.classes)
    assert (file.weights is None) == (path.suffix != ".json")


@pytest.mark.parametrize("suffix", ["_weights.h5", ".weights.h5", ".h5"])
def test_weights_beside_a_json(tmp_path: Path, suffix: str) -> None:
    path = write_json(tmp_path / "m.json", suffix=suffix)
    assert inspect(path).weights == tmp_path / f"m{suffix}" == weights_beside(path)


def test_a_whole_model_serves_as_weights(tmp_path: Path) -> None:
    path = write_json(tmp_path / "m.json")
    weights = write_h5(tmp_path / "whole.h5")
    assert inspect(path, weights).weights == weights


# --- missing and damaged files -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["m.h5", "m.keras", "m.json"])
def test_missing(tmp_path: Path, name: str) -> None:
    error = refused(tmp_path / name)
    assert (error.what, error.where) == ("no such model file", str(tmp_path / name))


def test_a_folder_is_no_model_file(tmp_path: Path) -> None:
    (tmp_path / "m.h5").mkdir()
    assert refused(tmp_path / "m.h5").what == "no such model file"


def test_another_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(b"x")
    error = refused(path)
    assert error.what == "'.pt' is not a model file"
    assert ".h5, .keras, .json, .onnx or model.yaml" in error.hint


@pytest.mark.parametrize(
    ("name", "what"),
    [("m.h5", "damaged or not an HDF5 file"), ("m.keras", "damaged or not a .keras"), ("m.json", "is not JSON")],
)
@pytest.mark.parametrize("content", [b"", b"\x00" * 40, b"<html>not found</html>", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"])
def test_scrambled(tmp_path: Path, name: str, what: str, content: bytes) -> None:
    write_json(tmp_path / "m.json")
    path = tmp_path / name
    path.write_bytes(content)
    error = refused(path)
    assert what in error.what
    assert error.where == str(path)
    assert error.hint == "copy it again"


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_cut_short(container: Callable[..., Path], part: float) -> None:
    path = container()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    assert "damaged" in (error := refused(path)).what or "JSON" in error.what


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("name", ["m.json", "m.keras"])
def test_scrambled_bytes_never_end_in_a_traceback(tmp_path: Path, name: str, seed: int) -> None:
    path = WRITERS[name](tmp_path / name)
    path.write_bytes(scrambled(path.read_bytes(), seed))
    with contextlib.suppress(ModelError):
        inspect(path)


def scrambled(data: bytes, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    copy = bytearray(data)
    for position in rng.integers(0, len(copy), size=rng.integers(1, 60)):
        copy[position] = rng.integers(0, 256)
    return bytes(copy)


SCRAMBLE = """
import os, signal, sys
from pathlib import Path
from bitwright.errors import ModelError
from bitwright.frontend.modelfile import inspect
for path in map(Path, sys.argv[1:]):
    child = os.fork()
    if child == 0:
        signal.alarm(3)
        try:
            inspect(path)
        except ModelError:
            pass
        os._exit(0)
    print(path.name, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_scrambled_hdf5_never_ends_in_a_traceback(tmp_path: Path) -> None:
    """The HDF5 library itself may loop or crash; that is why the worker is a process with an alarm."""
    whole = write_h5(tmp_path / "m.h5").read_bytes()
    paths = [tmp_path / f"{seed}.h5" for seed in range(60)]
    for seed, path in enumerate(paths):
        path.write_bytes(scrambled(whole, seed))
    done = subprocess.run(
        [sys.executable, "-c", SCRAMBLE, *map(str, paths)], capture_output=True, text=True, check=True
    )
    ends = [int(line.split()[1]) for line in done.stdout.splitlines()]
    assert len(ends) == len(paths)
    assert 1 not in ends, done.stderr
    assert ends.count(0) > 50


def test_keras_archive_without_a_member(tmp_path: Path) -> None:
    whole = write_keras(tmp_path / "whole.keras")
    for left_out in ("config.json", "metadata.json", "model.weights.h5"):
        path = tmp_path / "part.keras"
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
            for name in source.namelist():
                if name != left_out:
                    target.writestr(name, source.read(name))
        assert left_out in refused(path).what


@pytest.mark.parametrize("text", ["[]", "3", "null", '"Functional"', '{"layers": []}'])
def test_json_that_is_no_model(tmp_path: Path, text: str) -> None:
    path = write_json(tmp_path / "m.json")
    path.write_text(text)
    assert refused(path).what == "not a Keras model in JSON"
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = text
    assert "the model is a None" in refused(tmp_path / "m.h5").what


@pytest.mark.parametrize("config", [None, 3, {}, {"layers": 3}, {"layers": [3]}])
def test_descriptions_of_odd_shapes(tmp_path: Path, config: Any) -> None:
    path = write_h5(tmp_path / "odd.h5")
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": config})
    assert refused(path).what == "its model description has no layers"


def test_bottomless_json(tmp_path: Path) -> None:
    path = write_json(tmp_path / "m.json")
    for depth in (500, 900, 100_000):
        path.write_text("[" * depth + "]" * depth)
        refused(path)
        path.write_text('{"class_name": "Sequential", "config": ' + "[" * depth + "]" * depth + "}")
        refused(path)


# --- weights -----------------------------------------------------------------------------------


def test_json_without_weights(tmp_path: Path) -> None:
    path = write_json(tmp_path / "m.json")
    (tmp_path / "m_weights.h5").unlink()
    error = refused(path)
    assert (error.what, error.hint) == ("the weights of this model are missing", "put m_weights.h5 beside it")
    write_json(tmp_path / "m_pruned.json")
    assert refused(path).hint == "give one with --weights: m_pruned_weights.h5"


def test_named_weights_that_are_missing_or_damaged(tmp_path: Path) -> None:
    path = write_json(tmp_path / "m.json")
    assert refused(path, tmp_path / "no.h5").what == "no such weights file"
    (tmp_path / "bad.h5").write_bytes(b"x" * 100)
    error = refused(path, tmp_path / "bad.h5")
    assert error.what.startswith("damaged or not an HDF5 file")
    assert error.where == str(tmp_path / "bad.h5")


def test_weights_of_another_model(tmp_path: Path) -> None:
    path = write_json(tmp_path / "m.json")
    other = json.loads(json.dumps(tiny_model()).replace("dense1", "first"))
    write_json(
        tmp_path / "o.json", other, weights={"first": tiny_weights()["dense1"], "logits": tiny_weights()["logits"]}
    )
    error = refused(path, tmp_path / "o_weights.h5")
    assert error.what == "holds weights of first: the model has no such layers"
    assert "--weights" in error.hint


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    write_json(tmp_path / "m.json")
    error = refused(tmp_path / "m_weights.h5")
    assert error.what == "holds weights only, no model"
    assert ".json" in error.hint


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(container: Callable[..., Path], value: float) -> None:
    weights = tiny_weights()
    weights["logits"][0][2, 1] = value
    path = container(weights=weights)
    error = refused(path)
    assert "holds NaN or infinity" in error.what
    assert "logits" in error.what or "q_dense_1" in error.what
    assert error.hint == "the training diverged; train it again"


# --- code --------------------------------------------------------------------------------------


CORE = "tf_keras.src.layers.core"


def payload(marker: Path) -> str:
    """Python code as Keras stores it in a Lambda layer; run, it would make a file."""
    code = compile(f"open({str(marker)!r}, 'w').close()", "lambda", "exec")
    function = types.FunctionType(code, {"__builtins__": __builtins__})
    function()
    assert marker.exists(), "the payload works"
    marker.unlink()
    return base64.b64encode(marshal.dumps(code)).decode()


def lambda_node(code: str) -> dict[str, Any]:
    return {"class_name": "__lambda__", "config": {"value": code, "code": code, "defaults": None, "closure": None}}


def hidden(code: str) -> dict[str, list[dict[str, Any]]]:
    """Layers of models that hide code, by the way they do it."""
    inner = layer("Lambda", "evil", "features", function=[code, None, None], function_type="lambda")
    start, end = tiny_layers()[:1], tiny_layers()[1:]
    return {
        "Lambda": [*start, inner, *end],
        "Lambda with __lambda__": [*start, {**inner, "config": {"name": "evil", "function": lambda_node(code)}}, *end],
        "in a wrapper": [*start, layer("TimeDistributed", "outer", "features", layer=inner), *end],
        "in two wrappers": [
            *start,
            layer("Bidirectional", "o", "features", layer=layer("TimeDistributed", "i", None, layer=inner)),
            *end,
        ],
        "in a custom object": [*start, layer("QActivation", "a", "features", activation=lambda_node(code)), *end],
        "in an initializer": [*start, layer("Dense", "d", "features", units=2, kernel_initializer=lambda_node(code))],
        "in a nested model": [*start, {**model(*start, inner), "name": "nest"}],
        "registered": [*start, {**inner, "class_name": "Vendor>Lambda"}],
        "under another name": [
            *start,
            {**inner, "class_name": "Dense", "registered_name": "Lambda", "module": f"{CORE}.lambda_layer"},
        ],
        "by a dotted name": [*start, {**inner, "class_name": "lambda_layer.Lambda", "module": CORE}],
        "TFOpLambda": [*start, layer("TFOpLambda", "op", "features", function="io.write_file")],
        "SlicingOpLambda": [*start, layer("SlicingOpLambda", "op", "features", function="__operators__.getitem")],
        "TensorFlowOpLayer": [*start, layer("TensorFlowOpLayer", "op", "features", node_def="{}")],
    }  # fmt: skip


@pytest.mark.parametrize("how", sorted(hidden("")))
def test_code_is_refused_and_never_run(container: Callable[..., Path], tmp_path: Path, how: str) -> None:
    marker = tmp_path / "PLANTED"
    path = container(model(*hidden(payload(marker))[how]), weights={})
    error = refused(path)
    assert "holds code, which is never run" in error.what
    assert error.hint == "replace it by a layer that says what it computes"
    assert not marker.exists()


def test_the_layer_that_holds_code_is_named(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", model(*hidden("")["in a wrapper"]), weights={})
    assert refused(path).what.startswith("layer 'evil' (Lambda)")
    assert len(CODE) == 8


@pytest.mark.parametrize(
    "node",
    [
        {"class_name": "Dense", "module": "planted", "registered_name": None, "config": {"name": "x"}},
        {"class_name": "function", "module": "planted", "registered_name": "run", "config": "run"},
        {"class_name": "function", "module": "os", "registered_name": "system", "config": "system"},
        {"class_name": "function", "module": "keras.utils", "registered_name": "get_file", "config": "get_file"},
        {
            "class_name": "function",
            "module": "tf_keras.src.utils.data_utils",
            "registered_name": "x",
            "config": "get_file",
        },
        {
            "class_name": "__typespec__",
            "module": "subprocess",
            "spec_name": "Popen",
            "registered_name": None,
            "config": [],
        },
        {"class_name": "a.b", "module": "keras", "registered_name": None, "config": {"name": "x"}},
        {"class_name": "Dense", "module": "keras", "registered_name": "a.b", "config": {"name": "x"}},
    ],
    ids=lambda node: f"{node['module']}.{node['class_name']}",
)
def test_other_modules_are_never_imported(
    container: Callable[..., Path], node: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "PLANTED"
    (tmp_path / "planted.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)
    layers = tiny_layers()
    layers[1] = layer("QActivation", "quantize", "features", activation=node)
    error = refused(container(model(*layers)))
    assert f"comes from module {node['module']}, which is never run" in error.what
    assert not marker.exists()


def test_keras_and_qkeras_modules_are_trusted(tmp_path: Path) -> None:
    description = with_modules(tiny_model())
    relu = {"class_name": "function", "module": "builtins", "registered_name": "function", "config": "relu"}
    description["config"]["layers"][5]["config"]["activation"] = relu
    assert inspect(write_h5(tmp_path / "m.h5", description)).flavour is Flavour.KERAS2


# --- layers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Conv3D", "Conv2DTranspose", "ConvLSTM2D", "MyLayer", "GaussianNoise"])
def test_a_layer_without_hardware(container: Callable[..., Path], kind: str) -> None:
    layers = tiny_layers()
    layers.insert(1, layer(kind, "odd_one", "features"))
    path = container(model(*layers))
    with pytest.raises(UnsupportedLayerError) as caught:
        inspect(path)
    assert caught.value.what == f"layer 'odd_one' ({kind}) has no hardware here"
    assert caught.value.where == str(path)
    assert caught.value.hint == f"supported: {', '.join(sorted(LAYERS))}"


@pytest.mark.parametrize("option", ["max_value", "negative_slope", "threshold"])
def test_an_option_that_hls4ml_would_drop(container: Callable[..., Path], option: str) -> None:
    layers = tiny_layers()
    layers[3] = layer(
        "ReLU", "relu1", "dense1", **{"max_value": None, "negative_slope": 0.0, "threshold": 0.0, option: 6.0}
    )
    error = refused(container(model(*layers)))
    assert isinstance(error, UnsupportedLayerError)
    assert error.what == f"layer 'relu1' (ReLU) with {option}=6.0 has no hardware here"


GRU = {"class_name": "GRU", "config": {"name": "g", "units": 2, "reset_after": False}}
DENSE = {"class_name": "Dense", "config": {"name": "d", "units": 2, "activation": "relu"}}


@pytest.mark.parametrize(
    ("kind", "options", "what"),
    [
        ("Conv1D", {"dilation_rate": [2]}, "dilation_rate=[2]"),
        ("Conv2D", {"groups": 2}, "groups=2"),
        ("Conv2D", {"data_format": "channels_first"}, "data_format=channels_first"),
        ("DepthwiseConv2D", {"depth_multiplier": 2}, "depth_multiplier=2"),
        ("UpSampling2D", {"interpolation": "bilinear"}, "interpolation=bilinear"),
        ("Embedding", {"mask_zero": True}, "mask_zero=True"),
        ("LayerNormalization", {"rms_scaling": True}, "rms_scaling=True"),
        ("LSTM", {"go_backwards": True}, "go_backwards=True"),
        ("GRU", {"reset_after": False}, "reset_after=False"),
        ("Bidirectional", {"layer": GRU}, "reset_after=False"),
        ("Bidirectional", {"merge_mode": "sum"}, "merge_mode=sum"),
        ("TimeDistributed", {"layer": DENSE}, "an activation relu of the wrapped layer"),
    ],
)
def test_options_that_hls4ml_drops_or_lacks(tmp_path: Path, kind: str, options: dict[str, Any], what: str) -> None:
    layers = tiny_layers()
    layers.insert(1, layer(kind, "odd_one", "features", **options))
    error = refused(write_h5(tmp_path / "m.h5", model(*layers)))
    assert isinstance(error, UnsupportedLayerError)
    assert error.what == f"layer 'odd_one' ({kind}) with {what} has no hardware here"


def wrapped(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": "inner", "units": 2, **config}}


@pytest.mark.parametrize(
    ("write", "kind", "options", "what", "hint"),
    [
        (write_h5, "SimpleRNN", {}, "", "leaves the layer out"),
        (write_keras, "SimpleRNN", {}, "", "leaves the layer out"),
        (write_h5, "QSimpleRNN", {}, "", "leaves the layer out"),
        (write_h5, "Bidirectional", {"layer": wrapped("SimpleRNN")}, " with a SimpleRNN", "leaves the layer out"),
        (write_h5, "QGRU", {"reset_after": False}, " with reset_after=False", "one number instead of its biases"),
        (write_h5, "LSTM", {"use_bias": False}, " with use_bias=False", "keep it, as zeros"),
        (write_h5, "Bidirectional", {"layer": wrapped("GRU", use_bias=False)}, " with use_bias=False", "as zeros"),
        (write_h5, "GRU", {"go_backwards": True}, " with go_backwards=True", "use a Bidirectional"),
        (
            write_h5, "Bidirectional", {"layer": wrapped("LSTM", go_backwards=True), "backward_layer": wrapped("LSTM")},
            " with go_backwards=True", "give the forward layer as layer",
        ),
    ],
)  # fmt: skip
def test_recurrence_that_hls4ml_loses(
    tmp_path: Path, write: Callable[..., Path], kind: str, options: dict[str, Any], what: str, hint: str
) -> None:
    layers = tiny_layers()
    layers.insert(1, layer(kind, "odd_one", "features", **options))
    description = model(*layers)
    error = refused(write(tmp_path / f"m.{write.__name__.removeprefix('write_')}", description))
    assert isinstance(error, UnsupportedLayerError)
    assert error.what == f"layer 'odd_one' ({kind}){what} has no hardware here"
    assert hint in str(error.hint)


def test_a_layer_without_hardware_in_a_nested_model(tmp_path: Path) -> None:
    inner = model(*tiny_layers()[:1], layer("Conv3D", "deep", "features"), name="inner")
    path = write_h5(tmp_path / "m.h5", model(*tiny_layers()[:1], {**inner, "name": "inner"}), weights={})
    assert refused(path).what == "layer 'deep' (Conv3D) has no hardware here"


def test_a_model_of_ones_own_class(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", {**tiny_model(), "class_name": "MyModel"})
    error = refused(path)
    assert (error.what, error.hint) == ("the model is a MyModel", "write it as Sequential or Functional")


def test_every_flavour_is_read() -> None:
    assert set(STACKS) == set(Flavour)


def test_proxies_of_hgq(tmp_path: Path) -> None:
    path = write_h5(
        tmp_path / "m.h5", model(tiny_layers()[0], layer("FixedPointQuantizer", "x", "features")), weights={}
    )
    assert inspect(path).flavour is Flavour.HGQ


def test_hgq_models_in_training_are_no_proxies(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", model(tiny_layers()[0], layer("HDense", "x", "features")), weights={})
    error = refused(path)
    assert error.what == "layer 'x' (HDense) has no hardware here"
    assert "FixedPointQuantizer" in error.hint


def keras3_model(*layers: dict[str, Any]) -> dict[str, Any]:
    """A description as Keras 3 writes it."""
    plain = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 3], "name": "x"}}
    found = [plain | {"registered_name": None, "name": "x", "inbound_nodes": []}, *layers]
    config = {"name": "m", "trainable": True, "layers": found, "input_layers": [], "output_layers": []}
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": config}


def keras3_layer(kind: str, module: str, registered: str | None, *sources: str) -> dict[str, Any]:
    """A layer as Keras 3 writes it, and the tensors that it is called on."""
    tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}} for name in sources]
    arguments = [tensors] if len(tensors) > 1 else tensors
    calls = {"inbound_nodes": [{"args": arguments, "kwargs": {}}]}
    return {"module": module, "class_name": kind, "registered_name": registered, "config": {"name": "y"}} | calls


@pytest.mark.parametrize(
    ("module", "registered", "flavour"),
    [
        ("keras.layers", None, "keras3"),
        ("hgq.layers", None, "hgq2"),
        ("keras.layers", "hgq>QDense", "hgq2"),
        ("qkeras.qlayers", "qkeras>QDense", "qkeras-v3"),
    ],
)
def test_flavours_of_keras3(tmp_path: Path, module: str, registered: str | None, flavour: str) -> None:
    """By what the file names, whatever its layers and itself are called."""
    path = tmp_path / "m.keras"
    write_keras(path, keras3_model(keras3_layer("QDense" if registered else "Dense", module, registered, "x")))
    copy = tmp_path / "qkeras_hgq_model.keras"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            text = json.dumps({"keras_version": "3.11.2"}) if name == "metadata.json" else source.read(name)
            target.writestr(name, text)
    assert inspect(copy).flavour is Flavour(flavour)


def keras3_code(code: str) -> dict[str, dict[str, Any]]:
    """Layers of Keras 3 models that hide code, by the way they do it."""
    evil = keras3_layer("Lambda", "keras.layers", None, "x")
    dense = keras3_layer("Dense", "keras.layers", None, "x")
    table = keras3_layer("QUnaryFunctionLUT", "hgq.layers.activation", "hgq>QUnaryFunctionLUT", "x")
    return {
        "Lambda": {**evil, "config": {"name": "y", "function": lambda_node(code)}},
        "in an activation": {**dense, "config": {"name": "y", "activation": lambda_node(code)}},
        "in a table of HGQ2": {**table, "config": {"name": "y", "activation": lambda_node(code)}},
        "registered": {**dense, "registered_name": "keras>Lambda"},
    }


@pytest.mark.parametrize("how", sorted(keras3_code("")))
def test_code_in_keras3_models_is_refused(tmp_path: Path, how: str) -> None:
    marker = tmp_path / "PLANTED"
    path = write_keras(tmp_path / "m.keras", keras3_model(keras3_code(payload(marker))[how]), weights={})
    assert "holds code, which is never run" in refused(path).what
    assert not marker.exists()


@pytest.mark.parametrize("module", ["os", "hgq_evil.layers", "subprocess"])
def test_other_modules_in_keras3_models_are_refused(tmp_path: Path, module: str) -> None:
    path = write_keras(tmp_path / "m.keras", keras3_model(keras3_layer("Dense", module, None, "x")), weights={})
    assert f"comes from module {module}, which is never run" in refused(path).what


def test_merges_of_keras3_are_counted(tmp_path: Path) -> None:
    add = keras3_layer("QAdd", "hgq.layers", "hgq>QAdd", "x", "x", "x")
    path = tmp_path / "m.h5"
    write_h5(path, keras3_model(add), weights={})
    with h5py.File(path, "a") as file:
        file.attrs["keras_version"] = "3.10.0"
    assert refused(path).what == "layer 'y' (QAdd) with 3 inputs has no hardware here"


@pytest.mark.parametrize(("value", "fine"), [(np.inf, True), (np.nan, False), (-np.inf, False), (np.ones(3), True)])
def test_the_state_of_a_quantizer_may_be_infinite(tmp_path: Path, value: Any, fine: bool) -> None:
    path = write_h5(tmp_path / "m.h5")
    with h5py.File(path, "a") as file:
        file["model_weights/q/bq/quantizer/vars/3"] = value
    if fine:
        inspect(path)
    else:
        assert "quantizer/vars/3' holds NaN or infinity" in refused(path).what


def test_an_infinite_weight_is_not_the_state_of_a_quantizer(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5")
    with h5py.File(path, "a") as file:
        file["model_weights/q/quantizer/vars/4"] = np.full(3, np.inf)
    assert "holds NaN or infinity" in refused(path).what


def test_nodes_finds_all_and_ends() -> None:
    found = [node["class_name"] for node in nodes(tiny_model())]
    assert sorted(found)[:3] == ["Activation", "Functional", "InputLayer"]
    assert found.count("quantized_bits") == 4
