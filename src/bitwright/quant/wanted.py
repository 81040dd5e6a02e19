"""What the config of a transform asks of each layer: its keys resolved against the layers of a model."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection
from dataclasses import dataclass

from bitwright.config.transform import REGEX, FormatEntry, LayerEntry, TransformFile
from bitwright.errors import nearest
from bitwright.quant.float_model import PRODUCTS, FloatLayer, FloatModel, Kind
from bitwright.quant.plan import ACTIVATIONS


@dataclass(frozen=True, slots=True)
class Wanted:
    """The formats asked of one layer, each with the key that says so; None: the default says it."""

    data: FormatEntry
    weight: FormatEntry
    bias: FormatEntry | None
    data_key: str | None = None
    weight_key: str | None = None
    bias_key: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that said something, without repetition."""
        said = (self.data_key, self.weight_key, self.bias_key)
        return tuple(dict.fromkeys(key for key in said if key is not None))


def wanted(model: FloatModel, file: TransformFile) -> dict[str, Wanted]:
    """What the config asks of every layer; of keys that match the same layer the last one counts.

    An activation follows what is said of the data of the layer before it, unless a key is about itself.

    Raises:
        ConfigError: a key that no layer matches, or that is about weights where there are none.
    """
    default = file.config.default
    found = {layer.name: Wanted(default.data, default.weight, default.bias) for layer in model.layers}
    for key, entry in file.config.entries.items():
        matched = _matched(model, key, file)
        _check_weights(matched, key, entry, file)
        found.update((layer.name, _said(found[layer.name], key, entry)) for layer in matched)
    for layer in model.layers:
        own = found[layer.name]
        if layer.kind in ACTIVATIONS and own.data_key is None:
            before = found[layer.sources[0]]
            found[layer.name] = _said(own, before.data_key, LayerEntry(data=before.data))
    return found


def _said(before: Wanted, key: str | None, entry: LayerEntry) -> Wanted:
    return Wanted(
        entry.data or before.data, entry.weight or before.weight, entry.bias or before.bias,
        key if entry.data else before.data_key, key if entry.weight else before.weight_key,
        key if entry.bias else before.bias_key,
    )  # fmt: skip


def _matched(model: FloatModel, key: str, file: TransformFile) -> list[FloatLayer]:
    if file.config.by == "type":
        return _of_type(model, key, file)
    names = [layer.name for layer in model.layers]
    matching = _matching(key, names, file)
    if not matching:
        hint = nearest(key.removeprefix(REGEX), names) or f"layers: {', '.join(names)}"
        raise file.error((key,), f"no layer is named '{key}'", hint)
    return [layer for layer in model.layers if layer.name in matching]


def _of_type(model: FloatModel, key: str, file: TransformFile) -> list[FloatLayer]:
    known = [kind.value for kind in Kind]
    if key not in known:
        hint = nearest(key, [*known, "by", "default"]) or f"types: {', '.join(known)}"
        raise file.error((key,), f"'{key}' is no type of layer", hint)
    matched = [layer for layer in model.layers if layer.kind.value == key]
    if not matched:
        there = sorted({layer.kind.value for layer in model.layers})
        raise file.error((key,), f"the model has no layer of type '{key}'", f"types in it: {', '.join(there)}")
    return matched


def _matching(key: str, names: Collection[str], file: TransformFile) -> set[str]:
    if not key.startswith(REGEX):
        return {name for name in names if name == key or fnmatch.fnmatchcase(name, key)}
    try:
        expression = re.compile(key.removeprefix(REGEX))
    except re.error as error:
        raise file.error((key,), f"'{key}' is no regular expression: {error}", "mend it, or use * and ?") from error
    return {name for name in names if expression.fullmatch(name)}


def _check_weights(matched: list[FloatLayer], key: str, entry: LayerEntry, file: TransformFile) -> None:
    """An entry about weights or biases has to match a layer that has some."""
    kinds = {layer.kind for layer in matched}
    for what in ("weight", "bias"):
        if getattr(entry, what) is not None and not kinds & PRODUCTS:
            there = ", ".join(sorted(kind.value for kind in kinds))
            hint = f"only {', '.join(sorted(kind.value for kind in PRODUCTS))} layers have them"
            raise file.error((key, what), f"what '{key}' matches ({there}) has no {what}", hint)
