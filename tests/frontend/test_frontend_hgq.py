"""HGQ's proxies: a quantizer for each element; Keras, hls4ml's C++ and the reference give the same bits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from emulated import Case, call, emulate_all, import_files
from judged import equal_to_keras

from bitwright.fixed import Overflow
from bitwright.network.layers import CastEach, Lookup

pytestmark = pytest.mark.hls

NAMES = ("wrap", "round", "table")

CORPUS = Path(os.environ.get("BITWRIGHT_CORPUS", Path(__file__).parents[3] / "shared"))
JET = CORPUS / "models" / "example-models" / "keras" / "hgq_jet_classifier.h5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hgq")


@pytest.fixture(scope="module")
def cases(folder: Path) -> dict[str, Case]:
    call("hgq_models.py", folder, *NAMES)
    return dict(zip(NAMES, emulate_all([folder / name for name in NAMES]), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_cpp_and_the_reference_agree(cases: dict[str, Case], name: str) -> None:
    assert not cases[name].problem
    assert cases[name].bits > 10_000


@pytest.mark.parametrize("name", ["wrap", "round"])
def test_keras_agrees(cases: dict[str, Case], folder: Path, name: str) -> None:
    """With SAT too, where hls4ml alone moves the largest value of a quantizer whose input is coarser."""
    assert not cases[name].problem
    equal, exact = equal_to_keras(folder / name)
    assert exact.all()
    assert equal.all()


def test_the_models_have_what_they_are_for(cases: dict[str, Case]) -> None:
    layers = [layer for case in cases.values() for layer in case.network.layers]
    formats = [fmt for layer in layers if isinstance(layer, CastEach) for fmt in layer.formats()]
    assert None in formats
    assert {fmt.overflow for fmt in formats if fmt} == {Overflow.WRAP, Overflow.SAT}
    assert any(isinstance(layer, Lookup) for layer in layers)


@pytest.mark.corpus
@pytest.mark.slow
def test_the_jet_classifier_of_the_corpus(tmp_path: Path) -> None:
    if not JET.is_file():
        pytest.skip(f"no corpus at {CORPUS}; set BITWRIGHT_CORPUS")
    (folder,) = import_files(tmp_path, [JET], 500)
    assert not emulate_all([folder])[0].problem
    equal, exact = equal_to_keras(folder)
    assert exact.all()
    assert equal.all()
