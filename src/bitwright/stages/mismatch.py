"""After oracles differed: the first differing layer, a waveform of the vector, and an error that says both."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from bitwright.errors import BitwrightError, MismatchError
from bitwright.files import write_json
from bitwright.network import Network
from bitwright.network.reference import Reference
from bitwright.report.records import FirstMismatch, Status, Verification
from bitwright.rtl.bundle import Bundle
from bitwright.sim.diagnose import diagnose_emulation, diagnose_keras, diagnose_rtl, record_wave
from bitwright.stages.importing import keras_layers
from bitwright.stages.job import Job
from bitwright.stages.runner import Say

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
WAVE = "mismatch.vcd"


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All answers to the same vectors; ``y`` before an argmax head, ``out`` after it."""

    network: Network
    evaluator: Reference
    x: Ints
    y: Ints
    out: Ints
    emulation: Floats
    keras: Floats
    rtl: Ints
    seed: int


def fail(job: Job, bundle: Bundle, evidence: Evidence, verification: Verification, out: Path, say: Say) -> NoReturn:
    """Find the first differing layer, keep a waveform of its vector in ``verify_failed``, and raise.

    Raises:
        MismatchError: always.
    """
    say("MISMATCH: looking for the first differing layer")
    folder = job.folder / "verify_failed"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    first = next((pair.first for pair in verification.pairs if pair.first), None)
    try:
        first = _diagnose(job, bundle, evidence, verification, folder) or first
        first = _with_wave(job, bundle, evidence, first, folder)
    except BitwrightError as error:  # the mismatch is what counts
        say(f"the first differing layer was not found: {error.what}")
    pairs = tuple(
        pair.model_copy(update={"first": first}) if first and pair.status is Status.FAILED and pair.first else pair
        for pair in verification.pairs
    )
    write_json(folder / "verify.json", verification.model_copy(update={"pairs": pairs}).model_dump(mode="json"))
    for name in ("cocotb.log", "results.xml"):
        if (out / name).is_file():
            shutil.copyfile(out / name, folder / name)
    raise MismatchError(_message(verification, first), where=job.folder.name, hint=f"evidence: {folder}")


def _diagnose(
    job: Job, bundle: Bundle, evidence: Evidence, verification: Verification, folder: Path
) -> FirstMismatch | None:
    """Who is wrong is seen from which pairs differ; the reference is what the others are compared with."""
    wrong = {
        pair.left if pair.right == "reference" else pair.right: pair.first
        for pair in verification.pairs
        if pair.status is Status.FAILED and pair.first and "reference" in (pair.left, pair.right)
    }
    if "RTL" in wrong:
        root = job.stage("emit").resolve()
        return diagnose_rtl(bundle, root, evidence.evaluator, evidence.x, evidence.rtl, folder / WAVE)
    if "emulation" in wrong:
        library = job.stage("emulate").resolve() / f"{evidence.network.name}.so"
        return diagnose_emulation(evidence.evaluator, library, evidence.x, evidence.emulation)
    if wrong.get("Keras"):
        return _diagnose_keras(job, evidence, wrong["Keras"].vector, folder)
    return None


def _diagnose_keras(job: Job, evidence: Evidence, vector: int, folder: Path) -> FirstMismatch | None:
    scratch = folder / "keras"
    scratch.mkdir()
    try:
        found = keras_layers(job, evidence.network, evidence.x[vector : vector + 1], scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return diagnose_keras(evidence.evaluator, vector, evidence.x[vector], found)


def _with_wave(
    job: Job, bundle: Bundle, evidence: Evidence, first: FirstMismatch | None, folder: Path
) -> FirstMismatch | None:
    """The RTL on the vector in question, to look at; whichever oracle is the odd one out."""
    if first is None or first.waveform:
        return first
    row = evidence.x[first.vector : first.vector + 1]
    record_wave(bundle, job.stage("emit").resolve(), row, folder / WAVE)
    return first.model_copy(update={"waveform": WAVE})


def _message(verification: Verification, first: FirstMismatch | None) -> str:
    checks = [check for check in verification.protocol if check.status is Status.FAILED]
    pairs = [pair for pair in verification.pairs if pair.status is Status.FAILED]
    lines = [f"{p.left} and {p.right} differ on {p.mismatches} of {p.vectors} vectors" for p in pairs]
    lines += [f"protocol check '{check.name}' failed: {check.detail}" for check in checks]
    if first is not None:
        lines.append(
            f"first: layer '{first.layer}', element {first.element}, vector {first.vector}: expected "
            f"{first.expected_bits} ({first.expected:g}), got {first.actual_bits} ({first.actual:g}), {first.format}"
        )
    return "bits differ\n  " + "\n  ".join(lines)
