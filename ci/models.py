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


def streamed(name: str, *more: str) -> Entry:
    return Entry(name, f"{EXAMPLES}/{name}.json", ("--io", "io_stream", *more))


def parallel(name: str, *more: str) -> Entry:
    return Entry(name, f"{EXAMPLES}/{name}.json", more)


def folded(name: str) -> Entry:
    return Entry(name, f"{EXAMPLES}/{name}.json", ("--hls", str(ROOT / "hls" / f"{name}.yaml")))


FOLDED_CONV = ("--hls", str(ROOT / "hls" / "KERAS_conv1d.yaml"))
WIDE = ("--hls", str(ROOT / "hls" / "qkeras_mnist_cnn.yaml"))
ENTRIES = (
    parallel("KERAS_1layer"), parallel("KERAS_3layer"), parallel("KERAS_3layer_batch_norm"),
    Entry(
        "KERAS_3layer_95pruned", f"{EXAMPLES}/KERAS_3layer.json",
        ("--weights", f"{EXAMPLES}/KERAS_3layer_95pruned_retrained_weights.h5"),
    ),
    parallel("qkeras_3layer"), streamed("KERAS_conv1d_small"), streamed("KERAS_conv1d", *FOLDED_CONV),
    streamed("KERAS_conv2d_model"), streamed("jetTagger_Conv2D_Small"), streamed("jetTagger_Conv2D_Small_NoBatchNorm"),
    streamed("qkeras_mnist_cnn", *WIDE), parallel("qkeras_mnist_dense"),
    parallel("KERAS_3layer_binary_smaller"), parallel("KERAS_3layer_ternary_small"),
    parallel("KERAS_3layer_binarydense_relu_max"), folded("KERAS_dense_16x100x100x100x100x100x5"),
    folded("KERAS_dense_16x200x200x200x200x200x5"), folded("KERAS_dense_16x500x500x500x500x500x5"),
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
