"""EBOPs of the public HGQ2 jet taggers: what their files state, what HGQ2 itself computes, and ours, line by line."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from counting import digits

from bitwright.analysis.ebops import bias_ebops, ebops
from bitwright.config import TargetConfig
from bitwright.frontend.overlays import overlay
from bitwright.network import Network, load
from bitwright.network.layers import CastEach, Dense
from bitwright.stages.job import find_model, prepare
from bitwright.stages.runner import run_stage
from bitwright.stages.table import BY_NAME

CORPUS = Path(os.environ.get("BITWRIGHT_CORPUS", Path(__file__).parents[3] / "shared"))
FILES = CORPUS / "models" / "calad0i+hgq-ae" / "models" / "jsc_openml"
DOCS = Path(__file__).parents[2] / "docs" / "analysis.md"
Figures = dict[str, dict[str, np.ndarray]]

pytestmark = [pytest.mark.hls, pytest.mark.corpus, pytest.mark.slow]


class Tagger:
    """A model: HGQ2's figures by layer, and our Network of it."""

    def __init__(self, stated: int, folder: Path, target: TargetConfig) -> None:
        files = sorted(FILES.glob(f"*-ebops={stated}-*.keras"))
        if not files:
            pytest.skip(f"no corpus at {CORPUS}; set BITWRIGHT_CORPUS")
        if not overlay("hgq2").installed:
            pytest.skip("the overlay hgq2 is not installed")
        script = Path(__file__).parent / "hgq2_ebops.py"
        argv = [sys.executable, str(script), str(files[0]), str(folder / "hgq2.npz")]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        self.layers: Figures = {}
        with np.load(folder / "hgq2.npz") as arrays:
            for key in arrays.files:
                name, _, figure = key.rpartition(".")
                self.layers.setdefault(name, {})[figure] = arrays[key]
        self.network = imported(files[0], folder / "build", target)
        self.ours = ebops(self.network)

    def of_type(self, name: str) -> np.ndarray:
        """Width of each element that the layer reads, with the sign, as hls4ml's types say."""
        quantizer = self.network.layer(self.network.layer(name).sources[0])
        assert isinstance(quantizer, CastEach)
        return quantizer.bits.raw[1]

    def sum(self, figure: str) -> float:
        return sum(float(own[figure].sum()) for own in self.layers.values())

    def terms(self) -> dict[str, float]:
        """From HGQ2's number to ours, each step a sum over all layers."""
        found = dict.fromkeys(("declared", "digits", "narrower", "signs"), 0.0)
        for name, own in self.layers.items():
            constants = true_digits(own["weights"])
            signed = self.of_type(name)
            unsigned = np.where(signed > 0, signed - self.signs(name), 0)
            found["declared"] += float((own["activation_bits"] @ own["weight_bits"]).sum())
            found["digits"] += float((own["activation_bits"] @ (constants - own["weight_bits"])).sum())
            found["narrower"] += float(((unsigned - own["activation_bits"]) @ constants).sum())
            found["signs"] += float(((signed - unsigned) @ constants).sum())
        return found

    def signs(self, name: str) -> np.ndarray:
        quantizer = self.network.layer(self.network.layer(name).sources[0])
        assert isinstance(quantizer, CastEach)
        return quantizer.bits.raw[0]


def imported(file: Path, folder: Path, target: TargetConfig) -> Network:
    config, _ = find_model(str(file), Path())
    job = prepare(config, target, folder, [], [])
    run_stage(BY_NAME["import"], job, lambda _words: None)
    return load(job.stage("import") / "network.json")


def true_digits(values: np.ndarray) -> np.ndarray:
    """Binary digits between the first and the last 1 of each number, which is exact in binary."""
    return np.vectorize(lambda v: digits(Fraction(float(v)).numerator))(values)


@pytest.fixture(scope="module", params=[13285, 530])
def stated(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def tagger(stated: int, tmp_path_factory: pytest.TempPathFactory, target: TargetConfig) -> Tagger:
    return Tagger(stated, tmp_path_factory.mktemp("tagger"), target)


def test_the_name_is_what_the_file_holds(tagger: Tagger, stated: int) -> None:
    assert tagger.sum("stored") == stated


def test_hgq2_computes_its_formula(tagger: Tagger) -> None:
    """Widths of activations times those of weights, and of biases once each; signs are in neither."""
    for own in tagger.layers.values():
        products = (own["activation_bits"] @ own["weight_bits"]).sum()
        assert own["computed"] == pytest.approx(products + own["bias_bits"].sum(), abs=1e-3)


def test_ours_is_made_of_hgq2s_weights(tagger: Tagger) -> None:
    for name, own in tagger.layers.items():
        layer = tagger.network.layer(name)
        assert isinstance(layer, Dense)
        assert tagger.ours[name] == (tagger.of_type(name) @ true_digits(own["weights"])).sum()
        assert bias_ebops(layer) == true_digits(own["biases"]).sum()


def test_no_type_is_wider_than_hgq2s(tagger: Tagger) -> None:
    for name, own in tagger.layers.items():
        assert (tagger.of_type(name) <= own["activation_bits"] + own["activation_signs"]).all()


def test_the_table_in_the_docs(tagger: Tagger, stated: int) -> None:
    terms = tagger.terms()
    ours = sum(tagger.ours.values())
    assert sum(terms.values()) == ours
    column = 2 if stated == 13285 else 3
    lines = DOCS.read_text(encoding="utf-8").split("| | ebops=13285 | ebops=530 |")[1].split("\n\n")[0].splitlines()[2:]
    written = [float(line.split("|")[column]) for line in lines]
    computed = round(tagger.sum("computed"))
    steps = (terms["digits"], terms["narrower"], terms["signs"])
    assert written == [stated, computed, terms["declared"], *steps, ours]
