"""HGQ2 models: a precision for each element; Keras, hls4ml's C++ and the reference give the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from emulated import Case, call, emulate_all, import_files, kernel_differs
from judged import equal_to_keras

from bitwright.files import read_arrays, write_arrays
from bitwright.fixed import Overflow, Rounding, to_float
from bitwright.frontend.overlays import overlay
from bitwright.frontend.request import TraceRequest
from bitwright.network.layers import CastEach, Conv, Dense, Einsum, Lookup, ScaleBias, Softmax
from bitwright.network.reference import Reference

pytestmark = pytest.mark.hls

FEW = (
    "wrapping_1", "saturating_1", "merged_1", "table_1", "softmax_1", "attention_1", "linformer_1",
    "conv1d_2", "conv2d_3",
)  # fmt: skip
KINDS = ("wrapping", "saturating", "merged", "einsum", "table", "products", "attention", "linformer", "conv1d", "dots")
MANY = tuple(f"{kind}_{seed}" for kind in KINDS for seed in (1, 2, 3, 4) if (kind, seed) != ("conv1d", 1))
ATTENTION = ("attention", "linformer")
JUDGED = tuple(name for name in FEW if not name.startswith(("table", "softmax", *ATTENTION, "conv")))

CORPUS = Path(os.environ.get("BITWRIGHT_CORPUS", Path(__file__).parents[3] / "shared")) / "models"
FILES = ("calad0i+hgq-ae/models/jsc_openml/*.keras", "calad0i+da4ml-ae/jsc/openml/*.h5")


def run(folder: Path, names: tuple[str, ...], *more: str) -> dict[str, Case]:
    call("hgq2_models.py", folder, *names, *more)
    return dict(zip(names, emulate_all([folder / name for name in names]), strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hgq2")


@pytest.fixture(scope="module")
def few(folder: Path) -> dict[str, Case]:
    return run(folder, FEW, "twice_1", "masked_1")


@pytest.mark.parametrize("name", FEW)
def test_the_cpp_and_the_reference_agree(few: dict[str, Case], name: str) -> None:
    assert not few[name].problem
    assert few[name].bits > 10_000


@pytest.mark.parametrize("name", JUDGED)
def test_keras_agrees(few: dict[str, Case], folder: Path, name: str) -> None:
    assert not few[name].problem
    equal, exact = equal_to_keras(folder / name)
    assert exact.mean() > 0.3
    assert equal[exact].all()


@pytest.mark.parametrize("name", FEW)
def test_the_parallel_kernel_agrees(few: dict[str, Case], folder: Path, name: str) -> None:
    assert not few[name].problem
    assert kernel_differs(folder / name) == 0


@pytest.mark.parametrize("name", ["conv1d_2", "conv2d_3"])
def test_keras_averages_the_same(few: dict[str, Case], folder: Path, name: str) -> None:
    """HGQ2 rounds averages as hls4ml does."""
    assert not few[name].problem
    assert equal_to_keras(folder / name)[0].all()


@pytest.mark.parametrize("kind", ATTENTION)
def test_keras_computes_the_same_attention(few: dict[str, Case], folder: Path, kind: str) -> None:
    """HGQ2 looks its exponentials up in the same tables: Keras agrees although nothing proves that it must."""
    network = few[f"{kind}_1"].network
    assert sum(isinstance(layer, Einsum) for layer in network.layers) == 2
    assert "keras_inexact" not in network.origin
    x = read_arrays(folder / f"{kind}_1" / "import" / "vectors.npz")["x"]
    assert len(np.unique(Reference(network).outputs(x), axis=0)) > 100
    assert equal_to_keras(folder / f"{kind}_1")[0].all()


@pytest.mark.parametrize(("kind", "said"), [("twice", "one tensor as two inputs"), ("masked", "a causal mask")])
def test_what_hls4ml_would_convert_to_something_else(few: dict[str, Case], folder: Path, kind: str, said: str) -> None:
    assert said in (folder / f"{kind}_1" / "crash.txt").read_text(encoding="utf-8")


def test_the_few_have_something_of_everything(few: dict[str, Case]) -> None:
    layers = [layer for case in few.values() for layer in case.network.layers]
    assert {CastEach, Lookup, Dense, ScaleBias, Softmax} <= {type(layer) for layer in layers}
    formats = [fmt for layer in layers if isinstance(layer, CastEach) for fmt in layer.formats()]
    assert None in formats
    assert {fmt.rounding for fmt in formats if fmt} == {Rounding.RND, Rounding.RND_CONV, Rounding.TRN}
    assert {fmt.overflow for fmt in formats if fmt} == {Overflow.WRAP, Overflow.SAT, Overflow.SAT_SYM}
    several = [layer for layer in layers if isinstance(layer, Dense) and len(layer.shape) > 1]
    assert several, "EinsumDense over several axes"


def test_what_keras_gives_in_each_layer(few: dict[str, Case], folder: Path, tmp_path: Path) -> None:
    """Asked after a mismatch: quantizers and outputs are named, not the sums between them, which lack bits."""
    network, model = few["wrapping_1"].network, folder / "wrapping_1"
    x = read_arrays(model / "import" / "vectors.npz")["x"][:300]
    write_arrays(tmp_path / "x.npz", {"x": x})
    request = TraceRequest(
        model=model / "model.keras", weights=None, whole=False, network=model / "import" / "network.json",
        vectors=tmp_path / "x.npz", out=tmp_path,
    )  # fmt: skip
    (tmp_path / "request.json").write_text(request.model_dump_json(), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "bitwright.frontend.trace", str(tmp_path / "request.json")], check=True)
    keras, ours = read_arrays(tmp_path / "keras_layers.npz"), Reference(network).layers(x)
    assert set(keras) == {"x", "a_iq", "norm_iq", "b_iq", "b"}
    for name, values in keras.items():
        assert (to_float(ours[name], network.layer(name).result.fraction) == values).all(), name


@pytest.mark.slow
def test_many(tmp_path: Path) -> None:
    cases = run(tmp_path, MANY)
    assert {name: case.problem for name, case in cases.items() if case.problem} == {}
    for name in MANY:
        if name.startswith("saturating"):
            continue  # signed SAT_SYM quantizers of one bit are among them: zero in HGQ2, two values in ap_fixed
        equal, exact = equal_to_keras(tmp_path / name)
        assert equal[exact].all(), name


@pytest.mark.slow
@pytest.mark.skipif(not overlay("da4ml").installed, reason="python -m bitwright.frontend.overlays da4ml")
def test_distributed_arithmetic(tmp_path: Path) -> None:
    """da4ml compiles itself on its first call, which takes minutes."""
    names = ("distributed_1", "distributed_2", "distributedconv_1", "distributedconv_2", "distributedeinsum_1")
    for name, case in run(tmp_path, names).items():
        assert not case.problem
        strategies = [layer.strategy for layer in case.network.layers if isinstance(layer, Dense | Conv)]
        assert strategies.count("distributed_arithmetic") == (3 if "conv" in name else 2)
        assert kernel_differs(tmp_path / name) == 0
        equal, exact = equal_to_keras(tmp_path / name)
        assert equal[exact].all()


@pytest.mark.corpus
@pytest.mark.slow
def test_the_models_of_the_corpus(tmp_path: Path) -> None:
    found = [path for pattern in FILES for path in sorted(CORPUS.glob(pattern))]
    if not found:
        pytest.skip(f"no corpus at {CORPUS}; set BITWRIGHT_CORPUS")
    folders = import_files(tmp_path, found, 500)
    for folder, case in zip(folders, emulate_all(folders), strict=True):
        assert not case.problem
        assert sum(isinstance(layer, CastEach) for layer in case.network.layers) == 4
        equal, exact = equal_to_keras(folder)
        assert exact.mean() > 0.8
        assert equal[exact].all()
