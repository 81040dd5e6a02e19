"""One study: a model on its data for a target, what was evaluated of it, and how one candidate is evaluated."""

from __future__ import annotations

import hashlib
import importlib.metadata
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

import bitwright
from bitwright.config import TargetConfig
from bitwright.eda.tools import find_yosys
from bitwright.errors import BitwrightError
from bitwright.explore.accuracy import accuracy, rows_digest
from bitwright.explore.figures import Figures, objectives
from bitwright.explore.hardware import build_rtl, count_cells, features
from bitwright.explore.pareto import dominates, is_front
from bitwright.explore.space import Candidate, LayerInfo
from bitwright.explore.store import Evaluation, Store
from bitwright.explore.surrogate import Surrogate, calibrate
from bitwright.files import to_json
from bitwright.frontend.rows import Rows
from bitwright.network import Network
from bitwright.network.text import identity

Say = Callable[[str], None]
MEMBER = "member"
"""The setting of what is no candidate of the space: a network that was trained as it is."""
DECIDING = (
    "fixed", "network", "rtl", "eda", "quant", "explore/accuracy.py", "explore/builder.py", "explore/finetune.py",
    "explore/hardware.py",
)  # fmt: skip
"""The parts of this program that decide a candidate's figures."""
USAGE = 2


class Builder(Protocol):
    """Makes Networks of candidates."""

    @property
    def digest(self) -> str:
        """Of everything but the candidate that decides the Network."""

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """What can be chosen."""

    def network(self, candidate: Candidate) -> Network:
        """The Network of a candidate.

        Raises:
            BitwrightError: with exit code 2: there is none.
        """


@dataclass(frozen=True, slots=True)
class Member:
    """A network that is in the front as it is: ``source`` is the model that it was imported from."""

    name: str
    network: Network
    source: str

    @property
    def candidate(self) -> Candidate:
        """Stands for it in the store, by its content."""
        return Candidate(((MEMBER, f"{self.name} {identity(self.network)[:16]}"), ("source", self.source)))


@dataclass(frozen=True)
class Study:
    """See the module.

    Attributes:
        builder: makes the Networks.
        rows: the labelled rows that accuracies are of.
        target: the device and its pipeline.
        store: where evaluations are kept.
        workers: processes of Yosys at a time.
    """

    builder: Builder
    rows: Rows
    target: TargetConfig
    store: Store
    workers: int = 1

    @cached_property
    def key(self) -> str:
        """The digest of everything but the candidate that decides its figures."""
        parts = {
            "builder": self.builder.digest,
            "rows": rows_digest(self.rows),
            "target": self.target.model_dump(mode="json"),
            "program": _program(),
            "alkaid": importlib.metadata.version("alkaid"),
            "yosys": find_yosys().version,
        }
        return hashlib.sha256(to_json(parts).encode()).hexdigest()

    # --- what is known -------------------------------------------------------------------------

    def evaluations(self) -> list[Evaluation]:
        """All evaluations; LUTs that were not counted are foretold by the surrogate of those that were."""
        found = self.store.rows(self.key)
        surrogate = calibrate([entry.figures for entry in found if entry.figures])
        return [replace(entry, figures=_foretold(entry.figures, surrogate)) for entry in found]

    def surrogate(self) -> Surrogate | None:
        """The present one."""
        return calibrate([entry.figures for entry in self.store.rows(self.key) if entry.figures])

    # --- evaluating ----------------------------------------------------------------------------

    def evaluate(self, candidate: Candidate, known: Sequence[Evaluation], notes: dict[str, Any] | None = None) -> bool:
        """Evaluate a candidate unless it is done or another worker has it; True if it was.

        One that cannot be built is kept too, with the reason.  Whatever ends this early leaves no claim.
        """
        if not self.store.claim(self.key, candidate):
            return False
        try:
            figures, problem = self._figures(lambda: self.builder.network(candidate), known)
            self.store.finish(self.key, Evaluation(candidate, figures, problem, notes or {}))
        except BaseException:
            self.store.give_up(self.key, candidate)
            raise
        return True

    def add_member(self, member: Member, say: Say) -> None:
        """Evaluate a trained network, with real synthesis, unless that is done."""
        if not self.store.claim(self.key, member.candidate):
            return
        say(f"{member.name}: accuracy, RTL and synthesis")
        try:
            figures, problem = self._figures(lambda: member.network, ())
            self.store.finish(self.key, Evaluation(member.candidate, figures, problem))
            if figures is None:
                say(f"{member.name} cannot be built and is left out: {problem.splitlines()[0]}")
        except BaseException:
            self.store.give_up(self.key, member.candidate)
            raise

    def _figures(self, make: Callable[[], Network], known: Sequence[Evaluation]) -> tuple[Figures | None, str]:
        """The figures, with real synthesis where they matter; or why there are none."""
        try:
            network = make()
            right = accuracy(network, self.rows)
            with tempfile.TemporaryDirectory(prefix="bitwright-rtl-") as folder:
                built = build_rtl(network, self.target, Path(folder))
                top = built.bundle.kernel
                found = Figures(right, top.latency, top.ii, features(built), {})
                if not self.matters(found, known):
                    return found, ""
                return found.with_area(count_cells(built, self.target, self.store, self.workers)), ""
        except BitwrightError as error:
            if error.exit_code != USAGE:
                raise
            return None, str(error)

    def matters(self, figures: Figures, known: Sequence[Evaluation]) -> bool:
        """Whether a candidate is near enough to the front for real synthesis.

        Near: not dominated even if it has fewer LUTs than foretold, by the error that nine in ten keep.
        """
        rows = [entry.figures for entry in known if entry.figures]
        surrogate = calibrate(rows)
        if surrogate is None:
            return True
        best = surrogate.lut(figures) * (1 - min(surrogate.error.cautious, 0.9))
        hoped = np.array(replace(figures, estimated_lut=best).objectives())
        return not any(dominates(row, hoped) for row in objectives(rows))

    def settle(self, say: Say) -> None:
        """Synthesize what stands in the front with foretold LUTs, until the front is real."""
        while True:
            entries = [entry for entry in self.evaluations() if entry.figures]
            rows = [entry.figures for entry in entries if entry.figures]
            best = is_front(objectives(rows))
            waiting = [entry for entry, first in zip(entries, best, strict=True) if first and not _is_real(entry)]
            if not waiting:
                return
            say(f"{len(waiting)} points of the front still have foretold LUTs: synthesis")
            for entry in waiting:
                self._count(entry)

    def _count(self, entry: Evaluation) -> None:
        """Put real LUTs in the place of foretold ones."""
        assert entry.figures is not None
        with tempfile.TemporaryDirectory(prefix="bitwright-rtl-") as folder:
            built = build_rtl(self.builder.network(entry.candidate), self.target, Path(folder))
            area = count_cells(built, self.target, self.store, self.workers)
        self.store.finish(self.key, replace(entry, figures=entry.figures.with_area(area)))


def _is_real(entry: Evaluation) -> bool:
    return entry.figures is not None and entry.figures.is_real


def _foretold(figures: Figures | None, surrogate: Surrogate | None) -> Figures | None:
    if figures is None or figures.is_real or surrogate is None:
        return figures
    return replace(figures, estimated_lut=surrogate.lut(figures))


@cache
def _program() -> str:
    """Digest of the sources that decide figures; a change elsewhere keeps what was evaluated."""
    root = Path(bitwright.__file__).parent
    sha = hashlib.sha256()
    for part in DECIDING:
        files = [root / part] if part.endswith(".py") else sorted((root / part).rglob("*"))
        for path in files:
            if path.is_file() and path.suffix in (".py", ".sv", ".j2"):
                sha.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return sha.hexdigest()
