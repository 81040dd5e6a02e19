"""Write quantized models as QKeras files and import each again, in one process, because TensorFlow takes seconds.

``python emit_many.py FOLDER CASE...``, a case being ``model:scale:weight bits:activation bits``; each gets a folder
with the Network of the plan (``planned.json``), model.h5, hls.yaml and ``import/``, or ``crash.txt``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from float_models import MODELS, planned, random_model, rows

from bitwright.files import read_arrays, read_json, write_arrays
from bitwright.frontend import quant_writer, worker
from bitwright.frontend.flavours import Flavour
from bitwright.frontend.request import ImportRequest
from bitwright.network import save
from bitwright.network.layers import Network
from bitwright.quant.emit import hls_config, write_layers
from bitwright.quant.float_model import FloatModel
from bitwright.quant.keras_layers import keras_layers
from bitwright.quant.lower import to_network
from bitwright.quant.options import ScaleKind

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "frontend"))
from making import make_each


def model_of(name: str) -> FloatModel:
    """A model by its name; ``random7`` is a random one of that seed."""
    return random_model(int(name.removeprefix("random"))) if name.startswith("random") else MODELS[name]()


def network_of(case: str) -> Network:
    """The Network of a case."""
    name, scale, weight, activation = case.split(":")
    model = model_of(name)
    return to_network(model, planned(model, int(weight), int(activation), scale=ScaleKind(scale)))


def run(folder: Path, case: str) -> None:
    """One case."""
    network = network_of(case)
    (folder / "import").mkdir(parents=True)
    save(network, folder / "planned.json")
    layers = keras_layers(network)
    write_layers(network, layers, folder / "layers.json")
    model = quant_writer.build(read_json(folder / "layers.json"), read_arrays(folder / "layers.npz"))
    model.save(str(folder / "model.h5"), save_format="h5", include_optimizer=False)
    (folder / "hls.yaml").write_text(yaml.safe_dump(hls_config(layers)), encoding="utf-8")
    x = rows(model_of(case.partition(":")[0]), 500)
    write_arrays(folder / "rows.npz", {"x": x, "y": x[:, 0].astype(int) * 0})
    worker.run(
        ImportRequest(
            name=network.name, model=folder / "model.h5", hls_config=folder / "hls.yaml", rows=folder / "rows.npz",
            real=500, random=1000, part="xcvu13p-flga2577-2-e", clock_ns=5, out=folder / "import",
        )
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(make_each(Flavour.KERAS2, sys.argv[1], sys.argv[2:], run))
