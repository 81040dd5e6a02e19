"""The front end is exact: a random Keras model through hls4ml's C++ and through our reference gives the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
from emulated import Case, call, emulate_all

from bitwright.network.layers import LAYER_KINDS

pytestmark = pytest.mark.hls

FEW = ("model:3", "several:4", "argmax:3", "model:15", "logits:10", "model:27", "several:16", "model:37")
MANY = tuple(f"{head}:{seed}" for seed in range(1000, 1010) for head in ("logits", "model", "argmax", "several"))


def run(folder: Path, cases: tuple[str, ...]) -> dict[str, Case]:
    call("random_models.py", folder, *cases)
    return dict(zip(cases, emulate_all([folder / case.replace(":", "_") for case in cases]), strict=True))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return run(tmp_path_factory.mktemp("few") / "cases", FEW)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return run(tmp_path_factory.mktemp("many") / "cases", MANY)


@pytest.mark.parametrize("case", FEW)
def test_a_few_random_models(few: dict[str, Case], case: str) -> None:
    assert few[case].bits > 0
    assert few[case].mismatches == 0, few[case].first


def test_the_few_have_layers_and_types_of_every_sort(few: dict[str, Case]) -> None:
    kinds = {type(layer).__name__ for case in few.values() for layer in case.network.layers}
    assert kinds == {kind.__name__ for kind in LAYER_KINDS.values()}
    formats = [layer.result for case in few.values() for layer in case.network.layers]
    assert len({fmt.rounding for fmt in formats}) == 7
    assert len({fmt.overflow for fmt in formats}) == 4
    assert any(len(case.network.inputs) == 2 for case in few.values())
    assert any(len(case.network.outputs) == 2 for case in few.values())


@pytest.mark.slow
@pytest.mark.parametrize("case", MANY)
def test_many_random_models(many: dict[str, Case], case: str) -> None:
    assert many[case].mismatches == 0, many[case].first
