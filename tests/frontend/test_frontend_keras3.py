"""Plain Keras 3 and qkeras-v3 models: Keras, hls4ml's C++ and the reference give the same bits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from emulated import Case, call, emulate_all, import_files, kernel_differs
from judged import equal_to_keras

from bitwright.files import read_json
from bitwright.frontend.flavours import Flavour
from bitwright.network.layers import (
    Cast,
    Conv,
    Dense,
    ExpLinear,
    HardSigmoid,
    LayerNorm,
    Leaky,
    Merge,
    Pool,
    Rearrange,
    Recurrent,
    Relu,
    Table,
)

pytestmark = pytest.mark.hls

PLAIN = (
    "mlp_json", "branches_h5", "functions_keras", "images_keras", "steps_h5", "sequences_keras", "recurrences_keras",
)  # fmt: skip
QUANTIZED = ("quantized_keras",)
FLOATS = ("functions", "steps", "sequences", "recurrences")
JUDGED = tuple(name for name in (*PLAIN, *QUANTIZED) if not name.startswith(FLOATS))

CORPUS = Path(os.environ.get("BITWRIGHT_CORPUS", Path(__file__).parents[3] / "shared"))
QKERAS_V3 = CORPUS / "models" / "example-models" / "keras" / "qkeras-v3_3layer.keras"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keras3")


@pytest.fixture(scope="module")
def cases(folder: Path) -> dict[str, Case]:
    call("keras3_models.py", Flavour.KERAS3.value, folder, *PLAIN)
    call("keras3_models.py", Flavour.QKERAS_V3.value, folder, *QUANTIZED)
    names = (*PLAIN, *QUANTIZED)
    return dict(zip(names, emulate_all([folder / name for name in names]), strict=True))


@pytest.mark.parametrize("name", [*PLAIN, *QUANTIZED])
def test_the_cpp_and_the_reference_agree(cases: dict[str, Case], folder: Path, name: str) -> None:
    assert not cases[name].problem
    assert cases[name].bits > 10_000
    flavour = Flavour.KERAS3 if name in PLAIN else Flavour.QKERAS_V3
    assert read_json(folder / name / "import" / "import.json")["flavour"] == flavour.value


@pytest.mark.parametrize("name", [*PLAIN, *QUANTIZED])
def test_the_parallel_kernel_agrees(cases: dict[str, Case], folder: Path, name: str) -> None:
    assert not cases[name].problem
    assert kernel_differs(folder / name) == 0


@pytest.mark.parametrize("name", JUDGED)
def test_keras_agrees(cases: dict[str, Case], folder: Path, name: str) -> None:
    assert not cases[name].problem
    equal, exact = equal_to_keras(folder / name)
    assert exact.mean() > 0.5
    assert equal[exact].all()


def test_all_kinds_of_layers(cases: dict[str, Case]) -> None:
    kinds = {name: {type(layer) for layer in case.network.layers} for name, case in cases.items()}
    assert {Dense, Relu} <= kinds["mlp_json"]
    quantizers = {layer.name for layer in cases["quantized_keras"].network.layers if isinstance(layer, Cast)}
    assert quantizers == {"grid", "again"}, "hls4ml alone drops a quantizer behind a Dense layer"
    assert Merge in kinds["branches_h5"]
    assert Table in kinds["functions_keras"]
    backward = [layer.backward for layer in cases["recurrences_keras"].network.layers if isinstance(layer, Recurrent)]
    assert backward == [False, False, True, False, True, False]
    assert {Conv, Pool, Rearrange} <= kinds["images_keras"] & kinds["steps_h5"]
    assert {LayerNorm, Leaky, ExpLinear, HardSigmoid} <= kinds["sequences_keras"]


def test_keras_averages_the_same(cases: dict[str, Case], folder: Path) -> None:
    """A mean of two numbers is exact in either arithmetic, although the proof does not see it."""
    assert not cases["steps_h5"].problem
    assert equal_to_keras(folder / "steps_h5")[0].all()


@pytest.mark.corpus
@pytest.mark.slow
def test_the_qkeras_v3_model_of_the_corpus(tmp_path: Path) -> None:
    if not QKERAS_V3.is_file():
        pytest.skip(f"no corpus at {CORPUS}; set BITWRIGHT_CORPUS")
    (folder,) = import_files(tmp_path, [QKERAS_V3], 500)
    assert not emulate_all([folder])[0].problem
    equal, exact = equal_to_keras(folder)
    assert exact.all()
    assert equal.all()
