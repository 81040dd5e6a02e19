"""TimeDistributed: what it wraps is lowered once for each step of the sequence.

hls4ml marks the beginning and the end of what is wrapped by a TimeDistributed node each (expand_time_distributed.py);
in between, a variable has as many values as there are steps.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from bitwright.frontend.lower_types import Common, streamed, unsupported
from bitwright.network.layers import Concat, Layer, Rearrange, RearrangeOp, Reshape


def ends(node: Any) -> bool:
    """Whether a TimeDistributed node is the marker of the end."""
    return str(node.name).endswith("_end") and node.get_attr("wrapped_layer").name + "_end" == node.name


def _check_types(node: Any, source: Layer, common: Common) -> None:
    if streamed(node):
        raise unsupported(node, "a stream; hls4ml's C++ for it knows arrays only")
    if source.result != common["result"]:
        raise unsupported(
            node, f"input {source.result} with result {common['result']}: hls4ml's C++ compiles for one type only"
        )


def opened(node: Any, source: Layer, common: Common) -> tuple[list[Layer], tuple[str, ...]]:
    """Layers that take the steps out of a sequence (steps, ...), and their names."""
    _check_types(node, source, common)
    steps, layers, names = source.shape[0], list[Layer](), []
    if int(node.get_attr("n_time_steps")) != steps:
        taken = int(node.get_attr("n_time_steps"))
        raise unsupported(node, f"{steps} steps, of which hls4ml 1.3.0 makes {taken}, beyond its own arrays")
    for step in range(steps):
        name = f"{node.name}_{step}"
        cut: Common = {"name": f"{name}_cut", "sources": (source.name,), "result": source.result}
        sides = (step, steps - 1 - step, *[0] * (2 * (len(source.shape) - 2)))
        layers.append(Rearrange(**cut, shape=(1, *source.shape[1:]), op=RearrangeOp.CROP, parameters=sides))
        layers.append(Reshape(name=name, sources=(f"{name}_cut",), shape=source.shape[1:], result=source.result))
        names.append(name)
    return layers, tuple(names)


def closed(node: Any, parts: list[Layer], common: Common) -> tuple[list[Layer], tuple[str, ...]]:
    """Layers that put the steps together again, and the name of the last one: the node's."""
    _check_types(node, parts[0], common)
    if common["shape"] != (len(parts), *parts[0].shape):
        raise unsupported(node, f"shape {common['shape']} from {len(parts)} steps of {parts[0].shape}")
    result, shape, joined = parts[0].result, parts[0].shape, 0
    layers: list[Layer] = []
    last = ""
    for step, part in enumerate(parts):
        row = Reshape(name=f"{node.name}_{step}", sources=(part.name,), shape=(1, *shape), result=result)
        layers.append(row)
        joined += 1
        if step == 0:
            last = row.name
            continue
        name = node.name if joined == len(parts) else f"{node.name}_to_{step}"
        layers.append(Concat(name=name, sources=(last, row.name), shape=(joined, *shape), result=result, axis=0))
        last = name
    if len(parts) == 1:
        layers = [dataclasses.replace(layers[0], name=node.name)]
    return layers, (node.name,)


def renamed(layers: tuple[Layer, ...], step: int) -> tuple[Layer, ...]:
    """The layers of one step, with its number in their names."""
    own = {layer.name: f"{layer.name}_{step}" for layer in layers}
    return tuple(
        dataclasses.replace(layer, name=own[layer.name], sources=tuple(own.get(name, name) for name in layer.sources))
        for layer in layers
    )
