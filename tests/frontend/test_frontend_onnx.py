"""ONNX and QONNX: onnxruntime, hls4ml's C++ and the reference give the same bits; odd files are refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from emulated import Case, call, emulate_all, import_files
from judged import equal_to_keras

from bitwright.errors import ModelError, ToolNotFoundError, UnsupportedLayerError
from bitwright.files import read_json
from bitwright.frontend.flavours import Flavour
from bitwright.frontend.modelfile import inspect
from bitwright.frontend.overlays import VARIABLE, overlay
from bitwright.network.layers import Cast

NAMES = ("plain", "quantized", "image", "enlarged", "binary")

CORPUS = Path(os.environ.get("BITWRIGHT_CORPUS", Path(__file__).parents[3] / "shared"))
MODELS = CORPUS / "models" / "example-models" / "onnx"
DENSE = ("three_layer_pytorch", "two_layer_keras")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("onnx")


@pytest.fixture(scope="module")
def cases(folder: Path) -> dict[str, Case]:
    call("onnx_models.py", folder, *NAMES)
    return dict(zip(NAMES, emulate_all([folder / name for name in NAMES]), strict=True))


@pytest.mark.hls
@pytest.mark.parametrize("name", NAMES)
def test_all_agree(cases: dict[str, Case], folder: Path, name: str) -> None:
    assert not cases[name].problem
    assert cases[name].bits > 10_000
    equal, exact = equal_to_keras(folder / name)
    assert exact.mean() > 0.3
    assert equal[exact].all()
    assert "onnxruntime" in cases[name].network.notes[-1]
    assert ("keras_inexact" in cases[name].network.origin) == (name == "binary")  # there a sum of signs is a count
    summary = read_json(folder / name / "import" / "import.json")
    assert (summary["flavour"], summary["keras_version"]) == ("onnx", "opset 13")
    assert summary["versions"]["qonnx"] == "1.0.0"


@pytest.mark.hls
def test_a_softmax_is_cut_off_and_quantizers_stay(cases: dict[str, Case]) -> None:
    assert cases["plain"].network.origin["softmax"] == "Softmax_0"
    assert any(isinstance(layer, Cast) for layer in cases["quantized"].network.layers)


@pytest.mark.hls
@pytest.mark.corpus
@pytest.mark.slow
def test_dense_models_of_the_corpus(tmp_path: Path) -> None:
    if not MODELS.is_dir():
        pytest.skip(f"no corpus at {CORPUS}; set BITWRIGHT_CORPUS")
    folders = import_files(tmp_path, [MODELS / f"{name}.onnx" for name in DENSE], 300)
    assert {case.problem for case in emulate_all(folders)} == {""}


# --- files -------------------------------------------------------------------------------------


Change = Callable[[Any], None]


def onnx_file(path: Path, change: Change | None = None) -> Path:
    """A model of one matrix product, changed."""
    overlay("onnx").use()
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy_helper.from_array(np.ones((3, 2), dtype=np.float32), "w")
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, size]) for n, size in (("x", 3), ("y", 2))]
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    model = helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:], [weights]))
    if change is not None:
        change(model)
    path.write_bytes(model.SerializeToString())
    assert onnx.__version__ == overlay("onnx").pins["onnx"]
    return path


def test_a_good_file(tmp_path: Path) -> None:
    file = inspect(onnx_file(tmp_path / "m.onnx"))
    assert (file.flavour, file.classes) == (Flavour.ONNX, ("MatMul",))
    assert file.keras_version.startswith("opset ")


@pytest.mark.parametrize("content", [b"", b"x", b"<html>not found</html>", b"\x00" * 40])
def test_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="damaged or not an ONNX file"):
        inspect(path)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_cut_short(tmp_path: Path, part: float) -> None:
    path = onnx_file(tmp_path / "m.onnx")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(ModelError):
        inspect(path)


def external(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = 1
    tensor.external_data.add(key="location", value="../../etc/passwd")


def nan(model: Any) -> None:
    model.graph.initializer[0].raw_data = b"\xff" * 24


def python(model: Any) -> None:
    model.graph.node[0].op_type = "PyOp"


def foreign(model: Any) -> None:
    model.graph.node[0].domain = "com.vendor"


def changed(kind: str, **attributes: Any) -> Change:
    """The product as another operator with these attributes."""

    def change(model: Any) -> None:
        from onnx import helper

        model.graph.node[0].op_type = kind
        model.graph.node[0].attribute.extend(helper.make_attribute(*pair) for pair in attributes.items())

    return change


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (external, "'w' is in another file"),
        (nan, "'w' holds NaN or infinity"),
        (python, "operator 'product' (PyOp) has no hardware here"),
        (foreign, "operator 'product' (MatMul) has no hardware here"),
        (
            changed("Conv", auto_pad="SAME_UPPER"),
            "operator 'product' (Conv) with auto_pad=SAME_UPPER has no hardware here",
        ),
        (
            changed("MaxPool", kernel_shape=[2, 2], ceil_mode=1),
            "operator 'product' (MaxPool) with ceil_mode=1 has no hardware here",
        ),
        (changed("MaxPool", kernel_shape=[2]), "operator 'product' (MaxPool) with one dimension has no hardware here"),
        (changed("Elu"), "operator 'product' (Elu) with no alpha has no hardware here"),
    ],
)
def test_refused(tmp_path: Path, change: Change, what: str) -> None:
    path = onnx_file(tmp_path / "m.onnx", change)
    with pytest.raises(ModelError) as caught:
        inspect(path)
    assert (caught.value.what, caught.value.where) == (what, str(path))
    assert isinstance(caught.value, UnsupportedLayerError) == ("operator" in what)


def test_without_the_overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = onnx_file(tmp_path / "m.onnx")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(ToolNotFoundError, match=r"qonnx 1\.0\.0 is not installed"):
        inspect(path)
