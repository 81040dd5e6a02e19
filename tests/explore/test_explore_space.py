"""Spaces: knobs of a model, candidates and their one form, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from explore_doubles import LAYERS, SPACE, space

from bitwright.config.yamlfile import read_yaml
from bitwright.errors import ConfigError
from bitwright.explore.space import Candidate, SearchSpace, make_space


def test_the_knobs_of_a_model() -> None:
    made = space()
    assert [knob.name for knob in made.knobs] == [
        "hidden.weights", "hidden.activations", "hidden.strategy", "hidden.reuse", "logits.weights",
        "logits.strategy", "logits.reuse", "pruning",
    ]  # fmt: skip
    assert made.size == 4 * 3 * 4
    assert len({made.candidate(point) for point in made.points()}) == made.size


def test_every_point_is_found_again() -> None:
    made = space(strategy=("latency", "resource"), reuse=(1, 2), pruning=(0.0, 0.5))
    for point in made.points():
        candidate = made.candidate(point)
        again = made.point(candidate)
        assert again is not None
        assert made.candidate(again) == candidate
    assert made.point(Candidate((("member", "jet3"),))) is None
    assert made.point(Candidate.of({**dict(candidate.settings), "hidden.weights": 31})) is None


def test_the_same_hardware_is_one_candidate() -> None:
    made = space(strategy=("latency", "resource"), reuse=(1, 2))
    forms = {made.candidate(point) for point in made.points()}
    assert len(forms) == 4 * 3 * 4 * 2 * 2, "of four strategies and factors of a layer two are hardware of their own"
    assert {c["hidden.strategy"] for c in forms if c["hidden.reuse"] == 1} == {"latency"}


def test_a_group_of_layers_is_one_choice() -> None:
    made = space(together=(("hidden", "logits"),))
    assert [knob.name for knob in made.knobs if len(knob.values) > 1] == ["hidden+logits.weights", "hidden.activations"]
    for point in made.points():
        candidate = made.candidate(point)
        assert candidate["hidden.weights"] == candidate["logits.weights"]


def test_neighbours_and_draws() -> None:
    made = space()
    rng = np.random.default_rng(1)
    point = made.draw(rng)
    near = list(made.neighbours(point))
    assert all(sum(abs(a - b) for a, b in zip(point, other, strict=True)) == 1 for other in near)
    assert all(0 <= i < len(knob.values) for other in near for i, knob in zip(other, made.knobs, strict=True))


def test_words_for_people() -> None:
    settings = {"hidden.weights": 4, "hidden.activations": 3, "hidden.strategy": "resource", "hidden.reuse": 2,
                "logits.weights": 5, "logits.strategy": "latency", "logits.reuse": 1, "pruning": 0.5}  # fmt: skip
    assert Candidate.of(settings).words() == "hidden w4 resource r2 a3, logits w5, pruned 50%"


REFUSED = {
    "layers:\n  hiden: {weights: [4]}\n": "no layer 'hiden'.*did you mean 'hidden'",
    "together: [[hidden, relu9]]\n": "no layer 'relu9'",
    "weights: []\n": "weights.*at least 1",
    "weights: [1, 4]\n": "no format of 1 bits",
    "activations: [33]\n": "no format of 33 bits",
    "pruning: [1.0]\n": "pruning",
    "weigths: [3]\n": "unknown key 'weigths'.*did you mean 'weights'",
    "strategy: [resource]\nreuse: [5]\n": "none of 5 divides its products.*nothing valid",
    "strategy: [fast]\n": "strategy",
    "together: [[hidden, logits]]\nlayers:\n  hidden: {weights: [2]}\n  logits: {weights: [3]}\n": "nothing valid",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_space_that_is_wrong(text: str, tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        make_space(read_yaml(path, SearchSpace), LAYERS)
    import re

    assert re.search(REFUSED[text], str(caught.value), re.DOTALL), str(caught.value)


def test_the_default_is_made_from_the_model() -> None:
    made = make_space(SearchSpace(), LAYERS)
    assert made.knobs[0].values == (2, 3, 4, 5, 6, 7, 8)
    assert made.size == 7**3
    assert SPACE.weights == (2, 3, 4, 5)
