"""What is searched: knobs with their values, made from a model and a ``SearchSpace`` that people write."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Literal

import numpy as np
from pydantic import Field

from bitwright.config.yamlfile import Config
from bitwright.errors import ConfigError, nearest

Value = int | float | str
Point = tuple[int, ...]
"""An index into the values of each knob."""
Strategy = Literal["latency", "resource", "distributed_arithmetic"]
Width = int
PRUNING = "pruning"
NARROWEST, WIDEST = 2, 8
"""Widths of the space that is made where nothing is said."""


# --- what people write -------------------------------------------------------------------------


class LayerSpace(Config):
    """Values of one layer; what is left out is as for all layers."""

    weights: tuple[Width, ...] | None = Field(default=None, min_length=1)
    activations: tuple[Width, ...] | None = Field(default=None, min_length=1)
    reuse: tuple[int, ...] | None = Field(default=None, min_length=1)
    strategy: tuple[Strategy, ...] | None = Field(default=None, min_length=1)


class SearchSpace(Config):
    """A file such as ``space.yaml``: the values that each knob may take."""

    weights: tuple[Width, ...] = Field(
        default=tuple(range(NARROWEST, WIDEST + 1)), min_length=1, description="bits of weights"
    )
    activations: tuple[Width, ...] = Field(
        default=tuple(range(NARROWEST, WIDEST + 1)), min_length=1, description="bits of results, inputs included"
    )
    reuse: tuple[int, ...] = Field(default=(1,), min_length=1, description="reuse factors, used with 'resource'")
    strategy: tuple[Strategy, ...] = Field(default=("latency",), min_length=1, description="hls4ml's strategies")
    pruning: tuple[float, ...] = Field(
        default=(0.0,), min_length=1, description="shares of the weights that are set to zero, smallest first"
    )
    together: tuple[tuple[str, ...], ...] = Field(
        default=(), description="groups of layers that share one width of weights, and one of activations"
    )
    layers: dict[str, LayerSpace] = Field(default={}, description="other values for single layers")


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """What of a layer can be chosen.

    Attributes:
        name: the layer's.
        weights: whether it has weights whose width is a choice.
        activations: whether its result's width is a choice.
        reuse: reuse factors that it may have; 1 alone where it cannot be folded.
    """

    name: str
    weights: bool
    activations: bool
    reuse: tuple[int, ...] = (1,)


# --- candidates --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """One choice for everything: ``dense1.weights`` -> 4, ..., ``pruning`` -> 0.5; sorted by name."""

    settings: tuple[tuple[str, Value], ...]

    @staticmethod
    def of(settings: Mapping[str, Value]) -> Candidate:
        """The candidate of these settings, in its one canonical form.

        A reuse factor means nothing without the strategy ``resource``, which at a factor of 1 is ``latency``: the
        same hardware is one candidate.
        """
        chosen = dict(settings)
        for name in settings:
            layer, _, kind = name.rpartition(".")
            if kind == "reuse" and settings.get(f"{layer}.strategy") != "resource":
                chosen[name] = 1
            if kind == "strategy" and settings[name] == "resource" and settings.get(f"{layer}.reuse", 1) == 1:
                chosen[name] = "latency"
        return Candidate(tuple(sorted(chosen.items())))

    @property
    def digest(self) -> str:
        """Names the candidate by its content."""
        return hashlib.sha256(json.dumps(self.settings).encode()).hexdigest()

    def __getitem__(self, name: str) -> Value:
        return dict(self.settings)[name]

    def widths(self, kind: Literal["weights", "activations"]) -> dict[str, int]:
        """Bits by layer."""
        end = f".{kind}"
        return {name.removesuffix(end): int(value) for name, value in self.settings if name.endswith(end)}

    def words(self) -> str:
        """``dense1 w4 a6 ...``, for people."""
        short = {"weights": "w", "activations": "a", "reuse": "r"}
        layers: dict[str, list[str]] = {}
        for name, value in self.settings:
            layer, _, kind = name.rpartition(".")
            if layer and not (kind == "reuse" and value == 1) and value != "latency":
                layers.setdefault(layer, []).append(f"{short.get(kind, '')}{value}")
        found = [f"{layer} {' '.join(sorted(parts, reverse=True))}" for layer, parts in layers.items()]
        share = dict(self.settings).get(PRUNING, 0)
        return ", ".join([*found, *([f"pruned {float(share):.0%}"] if share else [])])


@dataclass(frozen=True, slots=True)
class Knob:
    """One choice: its values, and the settings that all take the value chosen."""

    name: str
    values: tuple[Value, ...]
    settings: tuple[str, ...]


@dataclass(frozen=True)
class Space:
    """All candidates: every combination of the knobs' values."""

    knobs: tuple[Knob, ...]

    @cached_property
    def size(self) -> int:
        """Number of combinations."""
        return prod(len(knob.values) for knob in self.knobs)

    def candidate(self, point: Point) -> Candidate:
        """What a point stands for."""
        chosen = zip(self.knobs, point, strict=True)
        return Candidate.of({name: knob.values[i] for knob, i in chosen for name in knob.settings})

    def point(self, candidate: Candidate) -> Point | None:
        """A point of a candidate; None where it is not of this space."""
        settings = dict(candidate.settings)
        free = {"reuse": 1, "strategy": "latency"}  # what the canonical form may say of any choice
        found = []
        for knob in self.knobs:
            value = settings.get(knob.settings[0])
            if value in knob.values:
                found.append(knob.values.index(value))
            elif value is not None and free.get(knob.name.rpartition(".")[2]) == value:
                found.append(0)
            else:
                return None
        return tuple(found) if self.candidate(tuple(found)) == candidate else None

    def points(self) -> Iterator[Point]:
        """Every point, in order."""
        return itertools.product(*(range(len(knob.values)) for knob in self.knobs))

    def draw(self, rng: np.random.Generator) -> Point:
        """A random point."""
        return tuple(int(rng.integers(len(knob.values))) for knob in self.knobs)

    def neighbours(self, point: Point) -> Iterator[Point]:
        """All points that differ by one step of one knob."""
        for k, knob in enumerate(self.knobs):
            for step in (-1, 1):
                if 0 <= point[k] + step < len(knob.values):
                    yield (*point[:k], point[k] + step, *point[k + 1 :])


# --- from the file to the knobs ----------------------------------------------------------------


def make_space(asked: SearchSpace, layers: Sequence[LayerInfo], where: str = "search space") -> Space:
    """The knobs of a model's layers.

    Raises:
        ConfigError: a layer that the model does not have, a width that no format holds, or no value that is valid.
    """
    _check_names(asked, layers, where)
    knobs: list[Knob] = []
    for layer in layers:
        mine = asked.layers.get(layer.name, LayerSpace())
        if layer.weights:
            knobs.append(_widths(layer.name, "weights", mine.weights or asked.weights, where))
        if layer.activations:
            knobs.append(_widths(layer.name, "activations", mine.activations or asked.activations, where))
        if layer.weights:
            knobs += _folding(layer, mine.strategy or asked.strategy, mine.reuse or asked.reuse, where)
    shares = tuple(dict.fromkeys(asked.pruning))
    if any(not 0 <= share < 1 for share in shares):
        raise ConfigError("'pruning': a share is not from 0 to below 1", where=where, hint="such as [0, 0.5, 0.9]")
    knobs.append(Knob(PRUNING, shares, (PRUNING,)))
    return Space(tuple(_joined(knobs, asked.together)))


def _check_names(asked: SearchSpace, layers: Sequence[LayerInfo], where: str) -> None:
    known = [layer.name for layer in layers]
    for name in (*asked.layers, *itertools.chain(*asked.together)):
        if name not in known:
            hint = f"{nearest(name, known)} layers with a choice: {', '.join(known)}".strip()
            raise ConfigError(f"the model has no layer '{name}'", where=where, hint=hint)


def _widths(layer: str, kind: str, values: Iterable[int], where: str) -> Knob:
    bad = [width for width in values if not 1 < width <= 32]
    if bad:
        raise ConfigError(f"'{layer}.{kind}': no format of {bad[0]} bits here", where=where, hint="2 to 32")
    return Knob(f"{layer}.{kind}", tuple(dict.fromkeys(values)), (f"{layer}.{kind}",))


def _folding(layer: LayerInfo, strategies: Sequence[str], factors: Sequence[int], where: str) -> Iterator[Knob]:
    """Strategy and reuse factor; one that the layer cannot have is left out, for others may."""
    valid = tuple(factor for factor in dict.fromkeys(factors) if factor in layer.reuse)
    if not valid and "resource" in strategies:
        raise ConfigError(
            f"'{layer.name}.reuse': none of {', '.join(map(str, factors))} divides its products, so that the space"
            " contains nothing valid",
            where=where,
            hint=f"it may have {', '.join(map(str, layer.reuse[:12]))}",
        )
    yield Knob(f"{layer.name}.strategy", tuple(dict.fromkeys(strategies)), (f"{layer.name}.strategy",))
    yield Knob(f"{layer.name}.reuse", valid or (1,), (f"{layer.name}.reuse",))


def _joined(knobs: Sequence[Knob], together: Iterable[Sequence[str]]) -> Iterator[Knob]:
    """The knobs, those of a group's layers of one kind as one."""
    group_of = {name: group for group in together for name in group}
    done: set[str] = set()
    for knob in knobs:
        layer, _, kind = knob.name.rpartition(".")
        names = [f"{member}.{kind}" for member in group_of.get(layer, (layer,))] if layer else [knob.name]
        if knob.name in done:
            continue
        members = [other for other in knobs if other.name in names]
        done.update(member.name for member in members)
        values = tuple(value for value in knob.values if all(value in member.values for member in members))
        if not values:
            raise ConfigError(
                f"'{names[0]}' and '{names[-1]}' are one choice and share no value, so that the space contains"
                " nothing valid",
                where="search space",
                hint="give them the same values, or leave the group out",
            )
        name = knob.name if len(members) == 1 else f"{'+'.join(m.name.rpartition('.')[0] for m in members)}.{kind}"
        yield Knob(name, values, tuple(member.name for member in members))
