"""Evaluations: accuracy by the exact reference, LUTs as the whole chain counts them, and when they are counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from explore_doubles import Double, figures, rows, space

from bitwright.config import TargetConfig
from bitwright.eda.tools import find_yosys
from bitwright.eda.yosys import synthesize
from bitwright.errors import DatasetError
from bitwright.explore import study as studies
from bitwright.explore.accuracy import accuracy
from bitwright.explore.hardware import Built, build_rtl, count_cells, features
from bitwright.explore.space import Candidate
from bitwright.explore.store import Evaluation, Store
from bitwright.explore.study import Member, Study
from bitwright.network.layers import Dense, Relu
from bitwright.network.reference import Reference
from bitwright.network.vectors import input_formats, quantize_rows
from bitwright.stages import synthesis

WIDE = Candidate.of({"hidden.weights": 5, "hidden.activations": 4, "logits.weights": 5})
NARROW = Candidate.of({"hidden.weights": 2, "hidden.activations": 2, "logits.weights": 2})


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of Yosys: the adder graphs' own estimate, halved; the names of what was counted."""
    found: list[str] = []

    def count(built: Built, *_: object) -> dict[str, float]:
        found.append(built.network.name)
        return {"LUT": features(built)["adders"] / 2, "FF": 1.0}

    monkeypatch.setattr(studies, "count_cells", count)
    return found


def make(folder: Path, target: TargetConfig, builder: Double | None = None) -> Study:
    return Study(builder or Double(), rows(), target, Store(folder / "search.sqlite"))


def by_hand(candidate: Candidate) -> float:
    """The accuracy in fractions of Python's own, layer by layer."""
    network, data = Double().network(candidate), rows()
    x = np.clip(np.floor(data.x * 8 + 0.5), -32, 31) / 8
    hidden, relu, logits = (network.layer(name) for name in ("hidden", "relu", "logits"))
    assert isinstance(hidden, Dense)
    assert isinstance(relu, Relu)
    assert isinstance(logits, Dense)
    step = 2.0**-relu.result.fraction
    middle = np.clip(np.floor(np.maximum(x @ hidden.weight.value, 0) / step + 0.5), 0, relu.result.max) * step
    return float(np.mean((middle @ logits.weight.value).argmax(axis=1) == data.y))


@pytest.mark.parametrize("candidate", [WIDE, NARROW])
def test_the_accuracy_is_that_of_the_bits(candidate: Candidate) -> None:
    assert accuracy(Double().network(candidate), rows()) == by_hand(candidate)


def test_a_network_of_one_output_says_class_1_from_zero_up() -> None:
    network, data = Double().network(WIDE), rows()
    logits = network.layer("logits")
    assert isinstance(logits, Dense)
    one = replace(logits, shape=(1,), weight=replace(logits.weight, raw=logits.weight.raw[:, :1].copy()),
                  bias=replace(logits.bias, raw=logits.bias.raw[:1]))  # fmt: skip
    binary = replace(network, layers=(*network.layers[:-1], one))
    said = Reference(network).outputs(quantize_rows(data.x, input_formats(network)))[:, 0] >= 0
    assert 0 < said.sum() < len(said)
    assert accuracy(binary, replace(data, y=said.astype(np.int64))) == 1.0
    with pytest.raises(DatasetError, match="the model has one output"):
        accuracy(binary, data)


def test_rows_that_do_not_fit() -> None:
    data = rows()
    with pytest.raises(DatasetError, match="label 9"):
        accuracy(Double().network(WIDE), replace(data, y=np.where(data.y == 0, 9, data.y)))
    with pytest.raises(DatasetError, match="rows of 3 features"):
        accuracy(Double().network(WIDE), replace(data, x=data.x[:, :3]))


@pytest.mark.synth
def test_luts_are_those_of_the_synth_stage(tmp_path: Path, target: TargetConfig) -> None:
    """And a module that was synthesized once is taken from the store."""
    (tmp_path / "rtl").mkdir()
    built = build_rtl(Double().network(NARROW), target, tmp_path / "rtl")
    store = Store(tmp_path / "search.sqlite")
    mine = count_cells(built, target, store)
    jobs, tool = synthesis.module_jobs(built.bundle, built.folder), find_yosys()
    results = synthesize(jobs, family=target.family, out=tmp_path / "synth", options=synthesis.synth_options("xcup"))
    top = built.bundle.kernel.module
    measured = synthesis._measure(built.bundle, results, tool.version, target.family)
    theirs = {m.metric: m.value for m in measured if m.design == top}
    assert mine == theirs
    assert mine["LUT"] > 0
    assert mine["FF"] > 0

    class Forgetful(Store):
        def add_module(self, key: str, counts: dict[str, float]) -> None:
            raise AssertionError("it was synthesized again")

    assert count_cells(built, target, Forgetful(tmp_path / "search.sqlite")) == mine


def test_an_evaluation_is_kept(tmp_path: Path, target: TargetConfig, counted: list[str]) -> None:
    study = make(tmp_path, target)
    assert study.evaluate(WIDE, [])
    assert not study.evaluate(WIDE, []), "it is done"
    (entry,) = study.evaluations()
    assert entry.figures is not None
    assert entry.figures.accuracy == by_hand(WIDE)
    assert entry.figures.is_real
    assert entry.figures.latency_cycles >= 2
    assert counted == ["double"]


def test_one_that_cannot_be_built_is_kept_with_the_reason(tmp_path: Path, target: TargetConfig) -> None:
    study = make(tmp_path, target, Double(broken=True))
    assert study.evaluate(WIDE, [])
    (entry,) = study.evaluations()
    assert entry.figures is None
    assert "no hardware for this" in entry.problem


def test_a_fault_of_ours_leaves_no_claim(tmp_path: Path, target: TargetConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make(tmp_path, target)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(studies, "build_rtl", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study.evaluate(WIDE, [])
    assert study.evaluations() == []
    assert study.store.claims(study.key) == []


def test_only_what_is_near_the_front_is_synthesized(tmp_path: Path, target: TargetConfig) -> None:
    study = make(tmp_path, target)
    front = [figures(0.2 + 0.01 * k, 1000.0 - 50 * k) for k in range(10)]
    known = [Evaluation(Candidate((("n", k),)), row) for k, row in enumerate(front)]
    assert study.matters(figures(0.9, 5000.0, real=False), []), "before the surrogate is calibrated all matter"
    assert not study.matters(figures(0.3, 1000.0, real=False), known)
    assert study.matters(figures(0.1, 9000.0, real=False), known), "the most accurate of all"
    assert study.matters(figures(0.3, 100.0, real=False), known), "the smallest of all"
    assert not study.matters(figures(0.3, 100.0, 4, real=False), [*known, Evaluation(NARROW, figures(0.1, 50.0))])


def test_the_front_becomes_real(tmp_path: Path, target: TargetConfig, counted: list[str]) -> None:
    study = make(tmp_path, target)
    assert study.evaluate(WIDE, [])
    (entry,) = study.store.rows(study.key)
    assert entry.figures is not None
    study.store.finish(study.key, replace(entry, figures=replace(entry.figures, area={})))
    study.settle(lambda _: None)
    (entry,) = study.evaluations()
    assert entry.figures is not None
    assert entry.figures.is_real
    assert counted == ["double", "double"]


def test_a_member_is_evaluated_once(tmp_path: Path, target: TargetConfig, counted: list[str]) -> None:
    study = make(tmp_path, target)
    member = Member("trained", Double().network(WIDE), "models/trained/model.yaml")
    study.add_member(member, lambda _: None)
    study.add_member(member, lambda _: None)
    (entry,) = study.evaluations()
    assert entry.figures is not None
    assert entry.figures.accuracy == by_hand(WIDE)
    assert space().point(entry.candidate) is None
    assert counted == ["double"]


def test_the_key_is_of_all_that_decides(tmp_path: Path, target: TargetConfig) -> None:
    study = make(tmp_path, target)
    others = [
        replace(study, builder=Double(seed=4)),
        replace(study, rows=rows(200)),
        replace(study, target=target.model_copy(update={"depth_per_stage": 9.0})),
    ]
    keys = {replace(study).key, study.key, *(other.key for other in others)}
    assert len(keys) == 4
