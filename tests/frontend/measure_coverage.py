"""What this project has of hls4ml's layers, measured by importing models that hold them.

``python measure_coverage.py SCRIPT FOLDER OUT NAME ...`` runs a script of this folder (layer_models.py and its like;
for keras3_models.py a flavour comes before the names) on some of its models.  For each class of hls4ml it writes the
models in which it was lowered, whether the parallel kernel of its layers gives the reference's bits, and which
hardware its streams get.  ``python measure_coverage.py all FOLDER`` does that for all of ``MODELS``, joined to the
record that ``bitwright coverage`` shows.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import interpret
from emulated import call
from networks import vectors

from bitwright.errors import UnsupportedLayerError
from bitwright.files import write_json
from bitwright.frontend import convert, coverage, lower
from bitwright.network import Network
from bitwright.network.layers import Conv, Dense, Input, Layer
from bitwright.network.reference import Reference
from bitwright.rtl.kernel import build
from bitwright.rtl.partition import cut_out, with_reuse
from bitwright.rtl.partition_stream import partition_stream
from bitwright.rtl.parts import Part, RecurrentCore, StepCore, beats_of

BEATS, WINDOWS, WHOLE, OTHERS = "each beat", "line buffers", "whole tensor", "by other layers"
STEPS = "each step"
SORTS = {
    "stream_window": WINDOWS, "stream_collect": WHOLE, "stream_total": "accumulators", "stream_repeat": "row buffer",
    "stream_crop": "pixel counters",
}  # fmt: skip
"""Of the layer that a hand-written block computes."""
DEPTH = 5.0

BOTH = (
    "conv1d", "conv2d", "separable1d", "separable2d", "pool", "places", "cnn", "activations", "quantized", "binary",
    "powers", "power_windows", "shapes", "embedding", "recurrent",
)  # fmt: skip
ARRAYS = ("pool_padded", "merges", "norms", "bidirectional", "distributed", "garnet")
SEEDS = {
    "power_windows:io_parallel": 12, "power_windows:io_stream": 4, "separable2d:io_parallel": 11,
    "binary:io_parallel": 2, "recurrent:io_parallel": 2,
    "embedding:io_stream": 2,
}  # fmt: skip
"""Where the first draw of types and strategies is one that hls4ml has no C++ for."""

LAYER_MODELS = tuple(
    f"{word}:{SEEDS.get(word, 1)}"
    for word in (
        *(f"{m}:{io}" for m in BOTH for io in ("io_parallel", "io_stream")),
        *(f"{m}:io_parallel" for m in ARRAYS),
    )
)
HGQ2 = (
    "wrapping",
    "saturating",
    "merged",
    "einsum",
    "table",
    "softmax",
    "attention",
    "linformer",
    "dots",
    "conv1d",
    "conv2d",
)
MODELS = (
    ("layer_models.py", LAYER_MODELS),
    ("keras3_models.py", ("keras3", "mlp_json", "branches_h5", "images_keras", "steps_h5", "sequences_keras")),
    ("hgq2_models.py", tuple(f"{name}_{3 if name == 'conv2d' else 2 if name == 'conv1d' else 1}" for name in HGQ2)),
    ("onnx_models.py", ("plain", "quantized")),
)


@dataclass
class Record:
    """What was seen of one class."""

    models: set[str] = field(default_factory=set)
    parallel: bool = False
    streams: set[str] = field(default_factory=set)

    def data(self) -> dict[str, Any]:
        """As plain data; what other layers took over counts only where none was its own."""
        stream = sorted(self.streams - {OTHERS} or self.streams)
        return {"models": sorted(self.models), "parallel": self.parallel, "stream": stream}


class Measured:
    """All classes, while models are imported under :meth:`hooks`."""

    def __init__(self, script: str) -> None:
        self.script = script
        self.records: dict[str, Record] = {}
        self.created: set[str] = set()

    def hooks(self) -> list[Any]:
        """Patches that see every graph and what becomes of it."""
        return [
            mock.patch.object(convert, "convert", self._watched(convert.convert)),
            mock.patch.object(lower, "lower", self._lowering(lower.lower)),
        ]

    def _watched(self, theirs: Callable[..., Any]) -> Callable[..., Any]:
        """hls4ml's conversion, noting every class of which it makes a node, also those that it replaces."""

        def convert_and_note(*words: Any, **more: Any) -> Any:
            from hls4ml.model.graph import ModelGraph

            self.created, make = set(), ModelGraph.make_node

            def make_node(graph: Any, kind: Any, *rest: Any, **options: Any) -> Any:
                node = make(graph, kind, *rest, **options)
                self.created.add(_class_of(node))
                return node

            with mock.patch.object(ModelGraph, "make_node", make_node):
                return theirs(*words, **more)

        return convert_and_note

    def _lowering(self, theirs: Callable[..., Network]) -> Callable[..., Network]:
        def lower_and_measure(graph: Any, name: str, head: str, more: Any = None) -> Network:
            made: dict[str, set[str]] = {}

            def noted(own: lower.Handler) -> lower.Handler:
                def handle(node: Any, common: Any, sources: list[Layer]) -> Any:
                    layers = own(node, common, sources)
                    each = layers if isinstance(layers, tuple) else (layers,)
                    made.setdefault(_class_of(node), set()).update(layer.name for layer in each)
                    return layers

                return handle

            handlers = {**lower._HANDLERS, **(more or {})}
            network = theirs(graph, name, head, {kind: noted(own) for kind, own in handlers.items()})
            self._measure(network, made)
            return network

        return lower_and_measure

    def _measure(self, network: Network, made: dict[str, set[str]]) -> None:
        model = f"{self.script}: {network.name.removeprefix('net_')}, {network.io_type}"
        network = with_reuse(network, {layer.name: 1 for layer in network.layers if isinstance(layer, Dense | Conv)})
        streamed = network.io_type == "io_stream"
        whole = Record(parallel=not streamed and _equal(network, network.layers))
        sorts = _stream_sorts(network) if streamed else {}
        for kind in self.created | set(made):
            record = self.records.setdefault(kind, Record())
            record.models.add(model)
            layers = tuple(layer for layer in network.layers if _is_of(layer.name, made.get(kind, set())))
            own = tuple(layer for layer in layers if not isinstance(layer, Input))
            if streamed:
                alone = {OTHERS} if sorts and not layers else set()
                record.streams |= alone.union(*(sorts.get(layer.name, set()) for layer in layers))
            else:
                record.parallel |= _equal(network, own) if own else whole.parallel


def _class_of(node: Any) -> str:
    return type(node).__name__.removeprefix("Vivado").removeprefix("Vitis")


def _is_of(name: str, made: set[str]) -> bool:
    """Whether a layer was made by a handler; inside of TimeDistributed its step stands behind the name."""
    head, _, step = name.rpartition("_")
    return name in made or (step.isdigit() and head in made)


def _equal(network: Network, layers: tuple[Layer, ...]) -> bool:
    """Whether the parallel kernel of some layers alone gives the reference's bits."""
    cut = cut_out(network, tuple(layer for layer in layers if not isinstance(layer, Input)))
    try:
        kernel = build(cut, DEPTH)
    except UnsupportedLayerError:
        return False
    x = vectors(cut, 100)
    return bool((interpret.outputs(kernel, x) == Reference(cut).outputs(x)).all())


def _stream_sorts(network: Network) -> dict[str, set[str]]:
    """The sorts of hardware of each layer, or none where the network has no streaming hardware."""
    try:
        parts = partition_stream(network)
    except UnsupportedLayerError:
        return {}
    sorts: dict[str, set[str]] = {layer.name: {BEATS} for layer in network.inputs}
    for part in parts:
        for layer in part.layers:
            sorts[layer] = {_sort(network, part, layer)}
    windowed = {part.name.removesuffix("_window") for part in parts if _is_window(part)}
    for layer in network.layers:
        if layer.name in windowed or layer.name not in sorts:  # a border is made by the line buffers that read it
            sorts[layer.name] = {WINDOWS}
    return sorts


def _is_window(part: Part) -> bool:
    return isinstance(part.core, StepCore) and part.core.module == "stream_window"


def _sort(network: Network, part: Part, name: str) -> str:
    layer = network.layer(name)
    if isinstance(part.core, RecurrentCore):
        return STEPS
    if isinstance(part.core, StepCore):
        return SORTS[part.core.module] if name == part.layers[0] else BEATS
    beats = [beats_of(network.layer(n).shape) for n in (name, *layer.sources)]
    return WHOLE if part.beats == 1 and max(beats) > 1 else BEATS


def join(files: list[Path]) -> dict[str, Any]:
    """One record of several files."""
    joined: dict[str, Record] = {}
    for path in files:
        for kind, data in json.loads(path.read_text(encoding="utf-8")).items():
            record = joined.setdefault(kind, Record())
            record.models |= set(data["models"])
            record.parallel |= data["parallel"]
            record.streams |= set(data["stream"])
    return {kind: joined[kind].data() for kind in sorted(joined)}


def write_record(folder: Path) -> None:
    """Measure everything, each script in a process of its own, and write the record."""
    files = []
    for script, words in MODELS:
        files.append(folder / f"{script}.json")
        call("measure_coverage.py", script, folder / script, files[-1], *words)
    write_json(Path(coverage.__file__).with_name("coverage.json"), join(files))


def main(argv: list[str]) -> int:
    """Import the models and write what was seen."""
    if argv[1] == "all":
        write_record(Path(argv[2]))
        return 0
    script, folder, out, names = argv[1].removesuffix(".py"), Path(argv[2]), Path(argv[3]), argv[4:]
    flavour = names[:1] if script == "keras3_models" else []
    measured = Measured(script)
    folder.mkdir(parents=True, exist_ok=True)
    convert_hook, lower_hook = measured.hooks()
    with convert_hook, lower_hook:
        importlib.import_module(script).main([script, *flavour, str(folder), *names[len(flavour) :]])
    write_json(out, {kind: record.data() for kind, record in sorted(measured.records.items())})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
