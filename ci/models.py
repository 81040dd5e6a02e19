"""Public models through the whole chain, and the table docs/models.md of what came out.

``ci/models run FOLDER [NAME ...]`` runs models of the corpus (``../shared/models`` or BITWRIGHT_CORPUS/models) into
FOLDER, one after another, going on past failures; ``ci/models table FOLDER`` writes the table of what lies there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
EXAMPLES = "example-models/keras"
TIMEOUT_S = 3600


@dataclass(frozen=True)
class Entry:
    """A model file of the corpus and the options that it is run with; why it is not, where it is not."""

    name: str
    file: str
    options: tuple[str, ...] = ()
    why: str = ""


STREAM = ("--io", "io_stream")


def hls(name: str) -> tuple[str, ...]:
    return ("--hls", str(ROOT / "hls" / f"{name}.yaml"))


def example(name: str, *options: str, suffix: str = "json", why: str = "") -> Entry:
    """A model of hls4ml's example-models/keras."""
    return Entry(name, f"{EXAMPLES}/{name}.{suffix}", options, why)


def onnx(name: str, *options: str, why: str = "") -> Entry:
    """A model of hls4ml's example-models/onnx."""
    return Entry(f"onnx_{name}", f"example-models/onnx/{name}.onnx", options, why)


NOT_RUN = "read; the rest of the chain was not run for this table"
REFUSED = "hls4ml 1.3.0 cannot convert it:"
DISTANCES = (
    "hls4ml's C++, the reference and the RTL are equal on 20,000 vectors; the packaged Yosys runs out of its 4 GB in "
    "the module of 512 distances"
)
STACK = "Keras 2 cannot build it: the file's GarNetStack has no total_bits, which its own class wants"
LARGE = "imported; images of {} pixels, {} clocks an inference: the chain was not run to its end for this table"
PRUNED = f"{EXAMPLES}/KERAS_3layer_{{}}pruned_retrained_weights.h5"
ECG = "GICM-UdeA+hls4ml_workshop/background_files"
HGQ_AE = "calad0i+hgq-ae/models/jsc_openml"

ENTRIES = (
    # Keras 2, with precisions that hls4ml gives
    example("KERAS_1layer"),
    example("KERAS_3layer"),
    Entry("KERAS_3layer_70pruned", f"{EXAMPLES}/KERAS_3layer.json", ("--weights", PRUNED.format(70))),
    Entry("KERAS_3layer_95pruned", f"{EXAMPLES}/KERAS_3layer.json", ("--weights", PRUNED.format(95))),
    example("KERAS_3layer_batch_norm"),
    example("KERAS_conv1d_small", *STREAM),
    example("KERAS_conv1d", *STREAM, *hls("KERAS_conv1d")),
    example("KERAS_conv2d_model", *STREAM),
    example("jetTagger_Conv2D_Small", *STREAM),
    example("jetTagger_Conv2D_Small_NoBatchNorm", *STREAM),
    *(example(name, *hls(name)) for name in (
        "KERAS_dense_16x100x100x100x100x100x5", "KERAS_dense_16x200x200x200x200x200x5",
        "KERAS_dense_16x500x500x500x500x500x5",
    )),
    example("KERAS_3layer_binary_smaller"),
    example("KERAS_3layer_ternary_small"),
    example("KERAS_3layer_binarydense_relu_max"),
    example("keras_bnn"),
    example("garnet_1layer", *hls("garnet_1layer"), "--bulk", "20000", why=DISTANCES),
    example("garnet_3layer", why=STACK),
    # QKeras, HGQ, HGQ2
    example("qkeras_3layer"),
    example("qkeras_mnist_cnn", *STREAM, *hls("qkeras_mnist_cnn")),
    example("qkeras_mnist_dense"),
    example("qkeras-v3_3layer", suffix="keras"),
    Entry(
        "ad03", "hls4ml-finn-mlperftiny+AnomalyDetection/model/model_config/ad03/model_ToyCar.h5", hls("ad03")
    ),
    Entry(
        "cifar10", "hls4ml-finn-mlperftiny+CIFAR10/hls4ml/resnet_v1_eembc_quantized_tiny/model_best.h5",
        (*STREAM, *hls("cifar10")),
    ),
    Entry("ecg_student", f"{ECG}/studentModel_ECG_PTB.h5"),
    Entry(
        "ecg_teacher", f"{ECG}/teacherQATModel_ECG_PTB.h5",
        why="hls4ml 1.3.0 refuses it: \"No model layer should be named 'input' because that is a reserved layer name\"",
    ),
    example("hgq_jet_classifier", suffix="h5"),
    example("hgq_mnist_homogeneous", *STREAM, suffix="h5"),
    example("hgq_mnist_heterogeneous", "--bulk", "50000", suffix="h5"),
    Entry("hgq2_jet_large", f"{HGQ_AE}/epoch=27883-val_acc=0.771-ebops=13285-val_loss=0.635.keras"),
    Entry("hgq2_jet_small", f"{HGQ_AE}/epoch=199491-val_acc=0.733-ebops=530-val_loss=0.831.keras"),
    Entry("hgq2_jet_da4ml", "calad0i+da4ml-ae/jsc/openml/epoch=20849-test_acc=76.86.h5"),
    # ONNX and QONNX
    *map(onnx, (
        "two_layer_keras", "two_layer_pytorch", "three_layer_keras", "three_layer_pytorch",
    )),
    onnx("three_layer_bn_keras", why=f"{REFUSED} its Transpose operators have no perm (IndexError, onnx/reshape.py)"),
    onnx("three_layer_bn_pytorch", why=f"{REFUSED} it has no Unsqueeze and no Squeeze among its ONNX operators"),
    onnx("dense_big_keras", *hls("dense_big_keras")),
    *(onnx(name, *STREAM) for name in ("conv1d_small_keras", "conv2d_small_keras")),
    onnx("separable_conv_model_ch_last", *STREAM, why=LARGE.format("512 x 512", "262,144")),
    onnx("branched_model_ch_last", *STREAM, why=LARGE.format("256 x 256", "65,536")),
    onnx("tiny_unet_ch_last", *STREAM, why=LARGE.format("256 x 256", "65,536")),
    onnx("conv2d_small_mp_keras", *STREAM, *hls("conv2d_small_mp_keras")),
    onnx("bnn_model_fc_1layer"),
)  # fmt: skip


def corpus() -> Path:
    return Path(os.environ.get("BITWRIGHT_CORPUS", ROOT.parent / "shared")) / "models"


def run(folder: Path, names: list[str]) -> int:
    """Run the entries; the number of failures."""
    failed = 0
    for entry in ENTRIES:
        if names and entry.name not in names:
            continue
        options = [str(corpus() / word) if word.startswith(EXAMPLES) else word for word in entry.options]
        argv = [sys.executable, "-m", "bitwright", "run", str(corpus() / entry.file), *options]
        with (folder / f"{entry.name}.log").open("w") as log:
            done = subprocess.run(
                [*argv, "--build", str(folder / entry.name)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                timeout=TIMEOUT_S,
                check=False,
            )
        print(f"{entry.name}: {'done' if done.returncode == 0 else f'exit code {done.returncode}'}", flush=True)
        failed += done.returncode != 0
    return failed


# --- the table ---------------------------------------------------------------------------------

HEAD = """# Public models through the chain

Made by `ci/models table`, of the runs of `ci/models run` (model files by path; clock 5 ns, VU13P, Yosys). *Pairs* are
oracle pairs equal on every bit; one that cannot be compared is not counted: Keras against the others where its weights
are rounded to their types, or where its own float32 is not exact. *Vectors* are those of the largest pair. Cycles are
measured on the RTL, BRAM are tiles of 36 kbit. Seconds and MB (the largest process) were taken on two cores while other
work was running, between one and a dozen busy processes: they say what is long in a row, not one row against another.
The simulation of hgq_mnist_heterogeneous, built in 651 s, was kept from a run before: verify is without it there.

"""
METRICS = ("LUT", "FF", "DSP", "BRAM")
STAGES = ("import", "emulate", "reference", "emit", "verify", "synth")
COLUMNS = ("model", "hardware", "pairs", "vectors", "latency", "II", *METRICS, *STAGES, "MB")


def table(folder: Path) -> str:
    """The page: a row for each model that went through, then a reason for each other one."""
    there = [entry for entry in ENTRIES if report_of(folder, entry).is_file()]
    others = [entry for entry in ENTRIES if entry not in there]
    lines = [*header(COLUMNS), *(row(folder, entry) for entry in there)]
    if others:
        lines += ["", "Models that did not go through:", "", *header(("model", "reason"))]
        lines += [f"| {entry.name} | {reason(folder, entry)} |" for entry in others]
    return HEAD + "\n".join(lines) + "\n"


def header(columns: tuple[str, ...]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]


def report_of(folder: Path, entry: Entry) -> Path:
    return folder / entry.name / "report" / "report.json"


def row(folder: Path, entry: Entry) -> str:
    report = report_of(folder, entry)
    data: dict[str, Any] = json.loads(report.read_text())
    pairs = data["verification"]["pairs"]
    design = data["designs"][0]
    passed = [pair for pair in pairs if pair["status"] == "PASSED"]
    figures = {m["metric"]: m["value"] for m in data["measurements"] if m["design"] == design["name"]}
    figures["BRAM"] = figures.get("BRAM36", 0) + figures.get("BRAM18", 0) / 2
    records = {stage: json.loads((folder / entry.name / stage / "stage.json").read_text()) for stage in STAGES}
    vectors = max((pair["vectors"] for pair in passed), default=0)
    latency, ii = (data["verification"][key] for key in ("latency_cycles", "ii_cycles"))
    cells = [
        entry.name, hardware(entry, ii), f"{len(passed)} of {len(pairs)}", f"{vectors:,}",
        f"{latency:,}", f"{ii:,}",
        *(f"{figures[metric]:,.10g}" if metric in figures else "–" for metric in METRICS),
        *(short(records[stage]["seconds"]) for stage in STAGES),
        f"{max(record['peak_mb'] or 0 for record in records.values()):.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def short(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 100 else f"{seconds:.3g}"


def hardware(entry: Entry, ii: int) -> str:
    return "streamed" if "io_stream" in entry.options else "parallel" if ii == 1 else "folded"


def reason(folder: Path, entry: Entry) -> str:
    """Why there is no report: what the list says, or the run's own error."""
    log = folder / f"{entry.name}.log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    said = [line.removeprefix("error: ") for line in lines if line.startswith("error:")]
    text = entry.why or (said[0] if said else NOT_RUN)
    return text.replace(f"{corpus() / entry.file}: ", "").replace("|", "/")


def main(argv: list[str]) -> int:
    verb, folder = argv[1], Path(argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if verb == "run":
        return 1 if run(folder, argv[3:]) else 0
    (ROOT / "docs" / "models.md").write_text(table(folder), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
