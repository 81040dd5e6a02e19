"""``python import_corpus.py FILE``: lower each model of a JSON list and write its HLS project, in one process.

An entry has ``model``, ``weights`` (of a JSON model, else empty), ``io_type``, ``vectors`` and ``out``.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from bitwright.errors import BitwrightError
from bitwright.files import write_arrays
from bitwright.frontend.flavours import Flavour
from bitwright.frontend.prepare import prepare
from bitwright.network import save
from bitwright.network.vectors import draw


def make(entry: dict[str, Any]) -> None:
    """Network, vectors and project of one model."""
    from bitwright.frontend import convert, keras2, lower

    out = Path(entry["out"]) / "import"
    out.mkdir(parents=True)
    model = keras2.load(Path(entry["model"]), Path(entry["weights"]) if entry["weights"] else None)
    options = {"io_type": entry["io_type"], "part": "xcvu13p-flga2577-2-e", "clock_period": 5}
    graph = convert.convert(model, convert.make_config(model, None, None), "net", options)
    started = time.perf_counter()
    network = lower.lower(graph, "net", "model")
    (out.parent / "seconds.txt").write_text(str(time.perf_counter() - started), encoding="utf-8")
    save(network, out / "network.json")
    write_arrays(out / "vectors.npz", {"x": draw(network, None, 0, int(entry["vectors"]), 1).x})
    convert.write_project(graph, out, entry["model"])


def main(argv: list[str]) -> int:
    """Make every entry; what goes wrong is left in its folder."""
    prepare(Flavour.KERAS2)
    for entry in json.loads(Path(argv[1]).read_text(encoding="utf-8")):
        folder = Path(entry["out"])
        folder.mkdir(parents=True)
        try:
            make(entry)
        except BitwrightError as error:
            (folder / "error.json").write_text(json.dumps(error.to_dict()), encoding="utf-8")
        except Exception:
            (folder / "crash.txt").write_text(traceback.format_exc(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
