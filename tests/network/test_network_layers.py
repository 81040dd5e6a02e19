"""The layer kinds as a set: each has its section in docs/semantics.md and a place in every room."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import networks
import pytest

from bitwright.network import layers
from bitwright.network.layers import LAYER_KINDS, Base, Layer, parameters

SEMANTICS = Path(__file__).parents[2] / "docs" / "semantics.md"


def sections() -> dict[str, str]:
    parts = SEMANTICS.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip() for part in parts}


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_every_kind_has_its_section(kind: str) -> None:
    assert kind in sections(), f"docs/semantics.md has no section '## {kind}'"
    assert len(sections()[kind]) > 60, "the section says something"


def test_no_section_is_about_a_kind_that_is_gone() -> None:
    assert set(sections()) - {"Fixed point", "What is refused"} == set(LAYER_KINDS)


@pytest.mark.parametrize("kind", [k for k in LAYER_KINDS if k not in ("Input", "Argmax", "Reshape")])
def test_sections_say_where_the_arithmetic_comes_from(kind: str) -> None:
    assert ".h`" in sections()[kind]


def test_every_kind_is_listed_in_the_union_and_the_table() -> None:
    made = {c.__name__ for c in vars(layers).values() if isinstance(c, type) and issubclass(c, Base) and c is not Base}
    assert made == set(LAYER_KINDS) == {kind.__name__ for kind in typing.get_args(Layer)}


def test_every_kind_is_tested() -> None:
    used = {type(layer).__name__ for network in networks.every_kind() for layer in network.layers}
    assert used == set(LAYER_KINDS)


def test_layers_cannot_be_changed() -> None:
    layer = networks.every_kind()[0].layers[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        layer.name = "other"  # type: ignore[misc]


def test_parameters_are_counted() -> None:
    by_name = {network.name: network for network in networks.every_kind()}
    dead = by_name["dead"].layers
    assert parameters(dead[2])[0] == 4 * 3 + 3
    assert parameters(dead[2])[1] <= 5 + 3
    assert parameters(by_name["scale_bias"].layers[1])[0] == 12
    assert parameters(dead[0]) == (0, 0)


def test_finding_layers() -> None:
    network = next(n for n in networks.every_kind() if n.name == "several_outputs")
    assert [layer.name for layer in network.inputs] == ["x0", "x1"]
    assert network.layer("dense2") is network.by_name["dense2"]
    with pytest.raises(KeyError):
        network.layer("dense9")


def test_the_order_of_a_resource_sum() -> None:
    by_name = {network.name: network.layers[-1] for network in networks.dense_networks()}
    orders = {name: by_name[name].order for name in by_name if name.startswith("dense_resource")}  # type: ignore[union-attr]
    assert orders == {
        "dense_resource": (0, 2, 1, 3),
        "dense_resource_4": (0, 1, 2, 3),
        "dense_resource_12": (0, 1, 2, 3),
    }
