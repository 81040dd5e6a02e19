"""Accuracy and AUC of a run's RTL on other rows than the model's own: ``ci/rtl_accuracy.py BUILD ROWS.npz``.

BUILD is a build folder whose verify stage ran; the rows are simulated in its Verilated RTL, bit by bit, and the
reference must agree on all of them.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bitwright.datasets import load_dataset
from bitwright.fixed import to_float
from bitwright.network import load
from bitwright.network.reference import Reference
from bitwright.network.vectors import input_formats, quantize_rows
from bitwright.report.accuracy import of_two_classes, score
from bitwright.rtl.bundle import load_bundle
from bitwright.sim import verilator


def main(build: Path, rows: Path) -> int:
    data, network = load_dataset(rows), load(build / "import" / "network.json")
    folder, bundle = build / "verify" / "sim", load_bundle(build / "emit" / "bundle.json")
    simulated = verilator.SimBuild(folder, bundle, folder / bundle.shell.module, folder / "libbulk.so", 0.0)
    x = quantize_rows(data.x, input_formats(network))
    rtl = verilator.Bulk(simulated).outputs(x)
    evaluator = Reference(network)
    started = time.perf_counter()
    equal = bool((evaluator.outputs(x) == rtl).all())
    rate = len(x) / (time.perf_counter() - started)
    outputs = of_two_classes(to_float(rtl, network.layer(network.outputs[0]).result.fraction))
    found = score(outputs, data.y, data.classes, dataset=data.name, split=data.split, synthetic=data.synthetic)
    auc = {entry.name: entry.auc for entry in found.classes}
    figures = {"accuracy": found.accuracy, "auc": auc, "rows": data.rows, "reference_rows_per_s": round(rate)}
    print(json.dumps(figures | {"data": found.dataset, "split": found.split, "reference_equal": equal}, indent=2))
    return 0 if equal else 3


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
