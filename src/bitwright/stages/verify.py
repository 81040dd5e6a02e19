"""Stage 5, verify: the protocol on the RTL, then every oracle against every other, bit for bit."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.files import read_arrays, write_arrays, write_json
from bitwright.network import load
from bitwright.network.float32 import float32_exact
from bitwright.network.reference import Reference
from bitwright.network.vectors import input_formats, random_rows
from bitwright.report.records import OraclePair, ProtocolCheck, Status, Verification
from bitwright.rtl.bundle import Bundle, load_bundle
from bitwright.sim import verilator
from bitwright.sim.cocotb_run import run_bench
from bitwright.sim.compare import compare, not_run, output_formats, to_raw
from bitwright.stages.job import Job
from bitwright.stages.mismatch import Evidence, fail
from bitwright.stages.runner import Say
from bitwright.stages.simulation import kept_simulation

BENCH = "bitwright.sim.bench"
CHECKS = frozenset({
    "back_to_back", "single_words", "valid_gaps", "backpressure", "gaps_and_backpressure", "long_stall",
    "reset_in_mid_stream",
})  # fmt: skip
"""Every test of the bench: one that did not run is a failure."""
BULK_CHUNK = 250_000
BULK_VECTORS = 1_000_000
BULK_CLOCKS = 4_000_000
BULK_FEWEST = 500
BULK_MOST_CLOCKS = 12_000_000
"""Where even the fewest vectors take longer, images of many thousand pixels, there are fewer still."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def work(job: Job, out: Path, say: Say) -> dict[str, Any]:
    """Verify into ``out``; on a mismatch leave the evidence in ``verify_failed`` and raise.

    Raises:
        MismatchError: two oracles differ, or a protocol check failed.
    """
    bundle = load_bundle(job.stage("emit") / "bundle.json")
    built = _build(job, bundle, out, say)
    evidence = _gather(job, built)
    checks = _bench(built, bundle, evidence, say)
    pairs = compare_all(evidence)
    bulk, rate, wrong = _bulk(job, built, evidence, say)
    verification = _verdict([*pairs, bulk], checks, out, rate)
    write_json(out / "verify.json", verification.model_dump(mode="json"))
    if verification.status is not Status.PASSED:
        fail(job, bundle, wrong or evidence, verification, out, say)
    passed = [pair for pair in verification.pairs if pair.status is Status.PASSED]
    say(f"{len(passed)} pairs of oracles equal, {sum(pair.bits for pair in passed):,} bits compared")
    _tidy(out)
    return {"seconds": {"build": round(built.seconds, 2)}}


def _build(job: Job, bundle: Bundle, out: Path, say: Say) -> verilator.SimBuild:
    folder = out / "sim"
    kept = kept_simulation(job, bundle, folder.resolve())
    if kept is not None:
        say("taking the simulation that was built before")
        return kept
    say("building the simulation with Verilator")
    folder.mkdir()
    built = verilator.build(bundle, job.stage("emit").resolve(), folder.resolve())
    say(f"built in {built.seconds:.1f} s")
    return built


def _gather(job: Job, built: verilator.SimBuild) -> Evidence:
    imported = job.stage("import")
    network = load(imported / "network.json")
    evaluator = Reference(network)
    x = read_arrays(imported / "vectors.npz")["x"]
    expected = read_arrays(job.stage("reference") / "reference.npz")["y"]
    emulation = read_arrays(job.stage("emulate") / "emulation.npz")["y"]
    keras = read_arrays(imported / "keras.npz")["y"]
    rtl = verilator.Bulk(built).outputs(x)
    seed = int(job.request("verify")["seed"])
    evidence = Evidence(network, evaluator, x, expected, expected, emulation, keras, rtl, seed)
    if evidence.network.heads != network.outputs:
        layers = evaluator.layers(x, evidence.network.heads)
        before = np.concatenate([layers[name] for name in evidence.network.heads], axis=1)
        evidence = Evidence(network, evaluator, x, before, expected, emulation, keras, rtl, seed)
    return evidence


def _bench(built: verilator.SimBuild, bundle: Bundle, evidence: Evidence, say: Say) -> tuple[ProtocolCheck, ...]:
    folder = built.folder.parent
    write_arrays(folder / "bench.npz", {"x": evidence.x, "y": evidence.out, "seed": np.array(evidence.seed)})
    (folder / "bundle.json").write_text(bundle.model_dump_json(), encoding="utf-8")
    say(f"cocotb: protocol, stalls, reset, latency, and {len(evidence.x)} vectors")
    return run_bench(built.executable, bundle.shell.module, BENCH, folder.resolve(), seed=evidence.seed)


def _bulk(
    job: Job, built: verilator.SimBuild, evidence: Evidence, say: Say
) -> tuple[OraclePair, float, Evidence | None]:
    """Many random vectors: the RTL through ctypes against the reference.

    Returns:
        The pair, vectors per second of the RTL, and the vectors in question where the test vectors agree
        and these do not.
    """
    asked = job.request("verify")["bulk"]
    count = bulk_vectors(built.bundle.shell.ii) if asked is None else int(asked)
    if count == 0:
        return not_run("reference", "RTL", "no bulk vectors were asked for"), 0.0, None
    say(f"bulk: {count:,} vectors")
    rng = np.random.default_rng(evidence.seed + 1)
    formats, model = input_formats(evidence.network), verilator.Bulk(built)
    columns = output_formats(evidence.network, evidence.network.outputs)
    parts, seconds, wrong = [], 0.0, None
    for start in range(0, count, BULK_CHUNK):
        x = random_rows(formats, min(BULK_CHUNK, count - start), rng)
        started = time.perf_counter()
        rtl = model.outputs(x)
        seconds += time.perf_counter() - started
        expected = evidence.evaluator.outputs(x)
        parts.append(compare("reference", "RTL", expected, rtl, columns, seed=evidence.seed + 1))
        if parts[-1].mismatches:
            if (evidence.out == evidence.rtl).all():
                wrong = replace(evidence, x=x, out=expected, rtl=rtl)
            break
    return _join(parts), sum(part.vectors for part in parts) / max(seconds, 1e-9), wrong


def bulk_vectors(ii: int) -> int:
    """Bulk vectors by default: a million, or as many as BULK_CLOCKS allow; one image at the very least."""
    if ii == 1:
        return BULK_VECTORS
    fewest = max(1, min(BULK_FEWEST, BULK_MOST_CLOCKS // ii))
    return min(BULK_VECTORS, max(fewest, BULK_CLOCKS // ii))


def _join(parts: list[OraclePair]) -> OraclePair:
    failed = next((part for part in parts if part.status is Status.FAILED), None)
    last = failed or parts[-1]
    return last.model_copy(
        update={
            "vectors": sum(part.vectors for part in parts),
            "bits": sum(part.bits for part in parts),
            "mismatches": sum(part.mismatches for part in parts),
        }
    )


# --- the oracles against each other ------------------------------------------------------------


def compare_all(evidence: Evidence) -> list[OraclePair]:
    """Every pair of Keras, emulation, reference and RTL on the test vectors."""
    columns = output_formats(evidence.network, evidence.network.heads)
    emulation = to_raw(evidence.emulation, columns)
    pairs = [
        compare("emulation", "reference", evidence.y, emulation, columns, seed=evidence.seed),
        _with_rtl("emulation", emulation, evidence),
        compare(
            "reference", "RTL", evidence.out, evidence.rtl,
            output_formats(evidence.network, evidence.network.outputs), seed=evidence.seed,
        ),
    ]  # fmt: skip
    return pairs + _keras_pairs(evidence, columns, emulation)


def _with_rtl(left: str, values: npt.NDArray[Any], evidence: Evidence, rows: Any = slice(None)) -> OraclePair:
    """Another oracle's outputs against the RTL's; an argmax head is taken of them first."""
    columns = output_formats(evidence.network, evidence.network.outputs)
    if evidence.network.heads != evidence.network.outputs:
        values = _argmax(evidence, values)
    return compare(left, "RTL", evidence.rtl[rows], values, columns, seed=evidence.seed)


def _argmax(evidence: Evidence, values: npt.NDArray[Any]) -> Ints:
    layers, parts, start = evidence.network.by_name, [], 0
    for name in evidence.network.heads:
        size = layers[name].size
        parts.append(np.argmax(values[:, start : start + size], axis=1)[:, None])
        start += size
    return np.concatenate(parts, axis=1)


def _keras_pairs(evidence: Evidence, columns: Any, emulation: npt.NDArray[Any]) -> list[OraclePair]:
    """Keras against the others, on the vectors that float32 evaluates exactly."""
    others = ("emulation", "reference", "RTL")
    if not len(evidence.keras):
        return [not_run("Keras", other, "no Keras outputs were recorded") for other in others]
    rows, reason = float32_exact(evidence.network, evidence.evaluator.layers(evidence.x))
    if not rows.any():
        return [not_run("Keras", other, reason) for other in others]
    keras = to_raw(evidence.keras, columns)[rows]
    pairs = [
        compare("Keras", "emulation", emulation[rows], keras, columns, seed=evidence.seed),
        compare("Keras", "reference", evidence.y[rows], keras, columns, seed=evidence.seed),
        _with_rtl("Keras", keras, evidence, rows),
    ]
    inexact = evidence.network.origin.get("keras_inexact", "")
    if inexact and any(pair.mismatches for pair in pairs):
        worst = float(np.abs(evidence.keras[rows] - np.ldexp(evidence.y[rows], _negative(columns))).max())
        text = f"not comparable bit for bit: {inexact}; largest difference {worst:.4g}"
        return [not_run("Keras", other, text) for other in others]
    pairs = [_renumbered(pair, rows) for pair in pairs]
    return [pair.model_copy(update={"reason": reason}) if reason and not pair.reason else pair for pair in pairs]


def _renumbered(pair: OraclePair, rows: npt.NDArray[np.bool_]) -> OraclePair:
    """The first mismatch with the number of its vector among all vectors, not among the compared ones."""
    if pair.first is None:
        return pair
    vector = int(np.flatnonzero(rows)[pair.first.vector])
    return pair.model_copy(update={"first": pair.first.model_copy(update={"vector": vector})})


def _negative(columns: Any) -> npt.NDArray[np.int64]:
    return np.array([-fmt.fraction for _, _, fmt in columns])


# --- the verdict -------------------------------------------------------------------------------


def _verdict(pairs: list[OraclePair], checks: tuple[ProtocolCheck, ...], out: Path, rate: float) -> Verification:
    missing = CHECKS - {check.name for check in checks if check.status is not Status.NOT_RUN}
    checks += tuple(
        ProtocolCheck(name=name, status=Status.FAILED, seconds=0.0, detail="it did not run") for name in sorted(missing)
    )
    measured = out / "measured.json"
    values = json.loads(measured.read_text(encoding="utf-8")) if measured.is_file() else {}
    statuses = {pair.status for pair in pairs} | {check.status for check in checks}
    passed = Status.FAILED not in statuses and {"latency", "ii"} <= values.keys()
    return Verification(
        status=Status.PASSED if passed else Status.FAILED,
        pairs=tuple(pairs),
        protocol=checks,
        latency_cycles=values.get("latency"),
        ii_cycles=values.get("ii"),
        bulk_vectors_per_second=round(rate) if rate else None,
        source="verify/verify.json",
    )


def _tidy(out: Path) -> None:
    """Objects are large and can be made again; the library and the logs stay."""
    shutil.rmtree(out / "sim" / "obj", ignore_errors=True)
    (out / "bench.npz").unlink(missing_ok=True)
