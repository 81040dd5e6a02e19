"""The import worker: the one process that loads TensorFlow.  ``python -m bitwright.frontend.worker REQUEST``.

It prepares the environment of the flavour before anything is imported (see ``docs/decisions``),
lowers the model, and only when that succeeded writes anything.
"""

from __future__ import annotations

import importlib.metadata
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.errors import BitwrightError
from bitwright.files import system_error, write_arrays, write_json
from bitwright.frontend.flavours import STACKS, Flavour, Stack
from bitwright.frontend.modelfile import ModelFile, inspect
from bitwright.frontend.overlays import overlay
from bitwright.frontend.prepare import prepare, reader_of
from bitwright.frontend.request import ImportRequest
from bitwright.frontend.reuse import demand_reuse_factors
from bitwright.frontend.rows import Rows, check_rows, read_rows
from bitwright.network import Network, save
from bitwright.network.layers import Conv, Dense, Embedding, ScaleBias
from bitwright.network.text import identity
from bitwright.network.vectors import Vectors, draw

LOOK_S = 30


def run(request: ImportRequest) -> None:
    """Do one import into ``request.out`` (an empty folder)."""
    started = time.perf_counter()
    file, rows = _look(request)
    prepare(file.flavour)
    from bitwright.frontend import convert, lower, lower_hgq

    reader = reader_of(file.flavour)
    model = reader.load(file.path, file.weights)
    loaded = time.perf_counter()
    compared, softmax = reader.without_softmax(model) if request.head != "model" else (model, None)
    config = convert.make_config(model, request.hls_config, softmax)
    graph = convert.convert(model, config, request.name, request.options())
    demand_reuse_factors(graph, request.hls_config)
    network = lower.lower(graph, request.name, request.head, lower_hgq.HANDLERS)
    network = _noted(network, reader.weight_values(model), softmax, STACKS[file.flavour])
    if rows is not None:
        check_rows(rows, network, request.classes)
    vectors = draw(network, rows.x if rows else None, request.real, request.random, request.seed)
    save(network, request.out / "network.json")
    convert.write_project(graph, request.out, identity(network))
    converted = time.perf_counter()
    keras = reader.predict(compared, split(vectors.x, network))
    write_arrays(request.out / "vectors.npz", {"x": vectors.x, "real": np.array(vectors.real)})
    labels = rows.y[: vectors.real] if rows is not None else np.zeros(0, dtype=np.int64)
    write_arrays(request.out / "labels.npz", {"y": labels})
    write_arrays(request.out / "keras.npz", {"y": keras})
    seconds = {"load": loaded - started, "convert": converted - loaded, "keras": time.perf_counter() - converted}
    write_json(request.out / "import.json", _summary(request, file.flavour, file.keras_version, vectors, seconds))


def _look(request: ImportRequest) -> tuple[ModelFile, Rows | None]:
    """Look at the files before anything of Keras is loaded.

    The HDF5 library may never come back from a scrambled file: then the alarm ends this process.
    """
    signal.alarm(LOOK_S)
    file = inspect(request.model, request.weights)
    rows = read_rows(request.rows) if request.rows else None
    signal.alarm(0)
    return file, rows


def split(x: npt.NDArray[np.int64], network: Network) -> list[npt.NDArray[np.float64]]:
    """What raw vectors (rows, elements) stand for, an array for each of the network's inputs."""
    parts, start = [], 0
    for layer in network.inputs:
        raw = x[:, start : start + layer.size]
        parts.append(np.ldexp(raw.astype(np.float64), -layer.result.fraction))
        start += layer.size
    return parts


def _noted(
    network: Network, keras: dict[str, list[npt.NDArray[np.float64]]], softmax: str | None, stack: Stack
) -> Network:
    """Say where the hardware's constants are not the Keras model's: then bits cannot be compared."""
    notes = [f"the final softmax '{softmax}' is left out: outputs are logits"] if softmax else []
    if not stack.keras:
        notes.append(f"an {stack.title} model: what is called Keras here is onnxruntime")
    origin: dict[str, str] = {"softmax": softmax} if softmax else {}
    rounded = [layer.name for layer in network.layers if _differs(layer, keras)]
    if rounded:
        origin["keras_inexact"] = f"weights are rounded to their HLS types in {', '.join(rounded)}"
    return replace(network, notes=tuple(notes), origin=origin)


def _differs(layer: Any, keras: dict[str, list[npt.NDArray[np.float64]]]) -> bool:
    """Whether the constants of a layer are not exactly the weights that Keras computes with."""
    if not isinstance(layer, Dense | Conv | ScaleBias | Embedding):
        return False
    weights = keras.get(layer.name, [])
    if isinstance(layer, Embedding):
        return not weights or not _same(weights[0], layer.table.value)
    if isinstance(layer, ScaleBias):
        return not (
            len(weights) == 2
            and np.array_equal(weights[0].ravel(), layer.scale.value)
            and np.array_equal(weights[1].ravel(), layer.bias.value)
        )
    if not weights:
        return True
    bias = weights[1] if len(weights) > 1 else np.zeros(layer.bias.raw.size)
    return not (_same(weights[0], layer.weight.value) and _same(bias.ravel(), layer.bias.value))


def _same(keras: npt.NDArray[np.float64], ours: npt.NDArray[np.float64]) -> bool:
    """Equal arrays; where one is spread over a larger one (EinsumDense), the same numbers beside zero."""
    if keras.size == ours.size:  # depthwise kernels and Dense over pixels have one axis more or less
        return np.array_equal(keras.ravel(), ours.ravel())
    return np.array_equal(np.unique(keras[keras != 0]), np.unique(ours[ours != 0]))


def _summary(
    request: ImportRequest, flavour: Flavour, version: str, vectors: Vectors, seconds: dict[str, float]
) -> dict[str, Any]:
    return {
        "flavour": flavour.value,
        "keras_version": version,
        "vectors": len(vectors.x),
        "real": vectors.real,
        "seed": vectors.seed,
        "seconds": seconds,
        "versions": _versions(flavour),
        "head": request.head,
    }


def _versions(flavour: Flavour) -> dict[str, str]:
    stack = STACKS[flavour]
    installed = {name: importlib.metadata.version(name) for name in stack.packages}
    return installed | (overlay(stack.overlay).pins if stack.overlay else {})


def main(argv: list[str]) -> int:
    """Read the request, work, and leave ``error.json`` where something went wrong."""
    request = ImportRequest.model_validate_json(Path(argv[1]).read_text(encoding="utf-8"))
    try:
        run(request)
    except (BitwrightError, OSError) as raised:
        error = system_error(raised) if isinstance(raised, OSError) else raised
        write_json(request.out / "error.json", error.to_dict())
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
