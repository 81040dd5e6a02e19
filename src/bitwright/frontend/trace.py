"""What Keras computes in every layer: asked only where its outputs differ from the hardware's.

``python -m bitwright.frontend.trace REQUEST`` is, like :mod:`bitwright.frontend.worker`, a process of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.errors import BitwrightError
from bitwright.files import read_arrays, write_arrays, write_json
from bitwright.frontend.modelfile import inspect
from bitwright.frontend.prepare import prepare, reader_of
from bitwright.frontend.request import TraceRequest
from bitwright.frontend.worker import split
from bitwright.network import Network, load
from bitwright.network.layers import CastEach, Input

Floats = npt.NDArray[np.float64]


def run(request: TraceRequest) -> None:
    """Write what each layer of the network that Keras knows gives, (rows, elements), to ``keras_layers.npz``."""
    flavour = inspect(request.model, request.weights).flavour
    prepare(flavour)
    network = load(request.network)
    reader = reader_of(flavour)
    model = reader.load(request.model, request.weights)
    model = model if request.whole else reader.without_softmax(model)[0]
    inputs = split(read_arrays(request.vectors)["x"], network)
    write_arrays(request.out / "keras_layers.npz", matched(network, model, reader.layer_values(model, inputs)))


def matched(network: Network, model: Any, values: dict[str, Floats]) -> dict[str, Floats]:
    """The values by the network's layer that stands for each Keras layer.

    hls4ml splits an activation off its layer ``a`` as ``a_relu``: that one then is what Keras calls ``a``
    (both are, where the activation is linear).  A layer into which it fused a batch norm has no counterpart in Keras.
    Nor has, in a network with quantizers of HGQ, what stands between them: hls4ml leaves out the bits that the next
    quantizer drops.
    """
    names = {layer.name for layer in network.layers}
    fused = {layer.name for layer in getattr(model, "layers", ()) if _fused(layer, names)}
    whole = _whole(network)
    found: dict[str, Floats] = {}
    for layer in network.layers:
        owner = max((name for name in values if f"{layer.name}_".startswith(f"{name}_")), key=len, default=None)
        if owner is None or owner in fused or layer.name not in whole or values[owner].shape[1] != layer.size:
            continue
        if not layer.name.endswith("_linear"):
            found.pop(owner, None)  # the sum before an activation
        found[layer.name] = values[owner]
    return found


def _whole(network: Network) -> set[str]:
    """The layers that hold every bit of their values."""
    if not any(isinstance(layer, CastEach) for layer in network.layers):
        return {layer.name for layer in network.layers}
    ends = {layer.name for layer in network.layers if isinstance(layer, Input | CastEach)}
    before = {layer.sources[0] for layer in network.layers if isinstance(layer, CastEach)}
    return (ends - before) | {layer.name for layer in network.inputs} | set(network.outputs)


def _fused(layer: Any, names: set[str]) -> bool:
    from bitwright.frontend.kerasmodel import readers

    after = readers(layer)
    return any("BatchNormalization" in type(next_).__name__ and next_.name not in names for next_ in after)


def main(argv: list[str]) -> int:
    """Read the request, work, and leave ``error.json`` where something went wrong."""
    request = TraceRequest.model_validate_json(Path(argv[1]).read_text(encoding="utf-8"))
    try:
        run(request)
    except BitwrightError as error:
        write_json(request.out / "error.json", error.to_dict())
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
