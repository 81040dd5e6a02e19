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
    """A model file of the corpus and the options that it is run with."""

    name: str
    file: str
    options: tuple[str, ...] = ()


STREAM = ("--io", "io_stream")


def hls(name: str) -> tuple[str, ...]:
    return ("--hls", str(ROOT / "hls" / f"{name}.yaml"))


def example(name: str, *options: str, suffix: str = "json") -> Entry:
    """A model of hls4ml's example-models/keras."""
    return Entry(name, f"{EXAMPLES}/{name}.{suffix}", options)


def onnx(name: str, *options: str) -> Entry:
    """A model of hls4ml's example-models/onnx."""
    return Entry(f"onnx_{name}", f"example-models/onnx/{name}.onnx", options)


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
    example("garnet_1layer"),
    example("garnet_3layer"),
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
    Entry("ecg_teacher", f"{ECG}/teacherQATModel_ECG_PTB.h5"),
    example("hgq_jet_classifier", suffix="h5"),
    example("hgq_mnist_homogeneous", *STREAM, suffix="h5"),
    example("hgq_mnist_heterogeneous", suffix="h5"),
    Entry("hgq2_jet_large", f"{HGQ_AE}/epoch=27883-val_acc=0.771-ebops=13285-val_loss=0.635.keras"),
    Entry("hgq2_jet_small", f"{HGQ_AE}/epoch=199491-val_acc=0.733-ebops=530-val_loss=0.831.keras"),
    Entry("hgq2_jet_da4ml", "calad0i+da4ml-ae/jsc/openml/epoch=20849-test_acc=76.86.h5"),
    # ONNX and QONNX
    *map(onnx, (
        "two_layer_keras", "two_layer_pytorch", "three_layer_keras", "three_layer_pytorch", "three_layer_bn_keras",
        "three_layer_bn_pytorch",
    )),
    onnx("dense_big_keras", *hls("dense_big_keras")),
    *(onnx(name, *STREAM) for name in (
        "conv1d_small_keras", "conv2d_small_keras", "branched_model_ch_last",
        "separable_conv_model_ch_last", "tiny_unet_ch_last",
    )),
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

Made by `ci/models table`, of the runs of `ci/models run` (model files of hls4ml's example-models by path; clock 5 ns,
VU13P, Yosys). *Pairs* are oracle pairs equal on every bit; one that cannot be compared is not counted. Cycles are
measured on the RTL. Seconds and MB (the largest process) were taken on two busy cores.

"""
METRICS = ("LUT", "FF", "DSP", "BRAM36")
STAGES = ("import", "emulate", "reference", "emit", "verify", "synth")
COLUMNS = ("model", "hardware", "pairs", "vectors", "latency", "II", *METRICS, *STAGES, "MB")


def table(folder: Path) -> str:
    """The page."""
    head = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    return HEAD + "\n".join([*head, *(row(folder, entry) for entry in ENTRIES)]) + "\n"


def row(folder: Path, entry: Entry) -> str:
    report = folder / entry.name / "report" / "report.json"
    if not report.is_file():
        return f"| {entry.name} | {reason(folder / entry.name, folder / f'{entry.name}.log')} |" + " |" * (
            len(COLUMNS) - 2
        )
    data: dict[str, Any] = json.loads(report.read_text())
    pairs = data["verification"]["pairs"]
    design = data["designs"][0]
    passed = [pair for pair in pairs if pair["status"] == "PASSED"]
    figures = {m["metric"]: m["value"] for m in data["measurements"] if m["design"] == design["name"]}
    records = {stage: json.loads((folder / entry.name / stage / "stage.json").read_text()) for stage in STAGES}
    vectors = max((pair["vectors"] for pair in passed), default=0)
    cells = [
        entry.name, hardware(entry), f"{len(passed)} of {len(pairs)}", f"{vectors:,}",
        f"{data['verification']['latency_cycles']:,}", f"{data['verification']['ii_cycles']:,}",
        *(f"{figures[metric]:,.10g}" if metric in figures else "–" for metric in METRICS),
        *(f"{records[stage]['seconds']:.3g}" for stage in STAGES),
        f"{max(record['peak_mb'] or 0 for record in records.values()):.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def hardware(entry: Entry) -> str:
    return "streamed" if "io_stream" in entry.options else "folded" if "--hls" in entry.options else "parallel"


def reason(build: Path, log: Path) -> str:
    """Why there is no report."""
    errors = sorted(build.glob("*.error.json")) if build.is_dir() else []
    if errors:
        error = json.loads(errors[0].read_text())
        return f"{error['what']} {error.get('where') or ''}".replace("\n", "; ").replace("|", "/")[:200]
    said = [line for line in log.read_text().splitlines() if line.startswith("error:")] if log.is_file() else []
    return said[0].removeprefix("error: ")[:200].replace("|", "/") if said else "not run"


def main(argv: list[str]) -> int:
    verb, folder = argv[1], Path(argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if verb == "run":
        return 1 if run(folder, argv[3:]) else 0
    (ROOT / "docs" / "models.md").write_text(table(folder), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
