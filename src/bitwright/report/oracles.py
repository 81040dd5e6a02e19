"""What the oracle pairs prove: the gate before the accuracy, the bits verified, the matrix of pairs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bitwright.report.numbers import count, plural, word
from bitwright.report.records import FirstMismatch, OraclePair, Report, Status, Warning_

_HARDWARE = ("rtl", "netlist")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many checks ended in which way."""

    passed: int
    failed: int
    not_run: int

    def __str__(self) -> str:
        """``9 PASSED, 1 NOT RUN``: every kind that occurs, each with its own word."""
        parts = ((self.passed, "PASSED"), (self.failed, "FAILED"), (self.not_run, "NOT RUN"))
        return ", ".join(f"{number:,} {name}" for number, name in parts if number) or "none"


@dataclass(frozen=True, slots=True)
class PairCell:
    """All comparisons of two oracles; ``bits`` and ``vectors`` are those of the comparisons that passed."""

    left: str
    right: str
    status: Status
    bits: int
    vectors: int
    mismatches: int
    tally: Tally
    reason: str


@dataclass(frozen=True, slots=True)
class BitsVerified:
    """The largest comparison of the hardware's output bits that passed, and how all pairs ended."""

    status: Status
    pair: OraclePair | None
    tally: Tally

    @property
    def value(self) -> str:
        """The bits of the pair, or the word that stands in their place."""
        if self.status is not Status.PASSED or self.pair is None:
            return word(self.status)
        return count(self.pair.bits)

    @property
    def note(self) -> str:
        """The pair, its vectors, and how all pairs ended."""
        pairs = f"oracle pairs: {self.tally}"
        if self.status is Status.FAILED and not self.tally.failed:
            return f"another check of the verification FAILED; {pairs}"
        if self.status is not Status.PASSED or self.pair is None:
            return pairs
        return f"{self.pair.left} = {self.pair.right} on {plural(self.pair.vectors, 'vector')}; {pairs}"


def tally(statuses: Iterable[Status]) -> Tally:
    """Count the ways in which checks ended."""
    found = list(statuses)
    return Tally(found.count(Status.PASSED), found.count(Status.FAILED), found.count(Status.NOT_RUN))


def combine(statuses: Iterable[Status]) -> Status:
    """FAILED if any failed, PASSED if any passed and none failed, NOT_RUN otherwise."""
    found = set(statuses)
    for status in (Status.FAILED, Status.PASSED):
        if status in found:
            return status
    return Status.NOT_RUN


def withheld(report: Report) -> str:
    """Why no accuracy may be shown; empty where the oracles agree.

    An accuracy is a statement about the hardware's bits: where they were not proved, or were proved
    wrong, there is none, whatever the record holds.
    """
    proof = report.verification
    if proof is None:
        return "verification NOT RUN"
    if proof.status is not Status.PASSED:
        return f"verification {word(proof.status)}"
    ended = tally(pair.status for pair in proof.pairs)
    if ended.failed:
        return f"{plural(ended.failed, 'oracle pair')} FAILED"
    return "" if ended.passed else "no oracle pair PASSED"


def gated(report: Report) -> Report:
    """The report without an accuracy that its oracles do not carry; a warning says that it is missing."""
    reason = withheld(report)
    if report.accuracy is None or not reason:
        return report
    warning = Warning_(source="report", message=f"accuracy withheld: {reason}")
    return report.model_copy(update={"accuracy": None, "warnings": (*report.warnings, warning)})


def bits_verified(report: Report) -> BitsVerified:
    """The figure "bits verified": never a sum over pairs, which would count one output bit many times.

    It is the largest PASSED comparison of an output in which the RTL or the netlist took part; reports
    without such a pair (software only) fall back to all pairs.
    """
    pairs = report.verification.pairs if report.verification else ()
    outputs = [pair for pair in pairs if pair.what == "output"] or list(pairs)
    hardware = [pair for pair in outputs if _has_hardware(pair)] or outputs
    passed = [pair for pair in hardware if pair.status is Status.PASSED]
    failed = any(pair.status is Status.FAILED for pair in pairs)
    failed |= report.verification is not None and report.verification.status is Status.FAILED
    status = Status.FAILED if failed else Status.PASSED if passed else Status.NOT_RUN
    best = max(passed, key=lambda pair: pair.bits, default=None)
    return BitsVerified(status, best, tally(pair.status for pair in pairs))


def _has_hardware(pair: OraclePair) -> bool:
    names = f"{pair.left} {pair.right}".casefold()
    return any(name in names for name in _HARDWARE)


def oracle_names(pairs: Iterable[OraclePair]) -> tuple[str, ...]:
    """The oracles in the order in which the pairs name them."""
    return tuple(dict.fromkeys(name for pair in pairs for name in (pair.left, pair.right)))


def pair_cells(pairs: Iterable[OraclePair]) -> tuple[PairCell, ...]:
    """One cell for each two oracles, over everything that was compared between them."""
    groups: dict[frozenset[str], list[OraclePair]] = {}
    for pair in pairs:
        groups.setdefault(frozenset((pair.left, pair.right)), []).append(pair)
    return tuple(_pair_cell(group) for group in groups.values())


def _pair_cell(group: list[OraclePair]) -> PairCell:
    passed = [pair for pair in group if pair.status is Status.PASSED]
    return PairCell(
        left=group[0].left,
        right=group[0].right,
        status=combine(pair.status for pair in group),
        bits=sum(pair.bits for pair in passed),
        vectors=max((pair.vectors for pair in passed), default=0),
        mismatches=sum(pair.mismatches for pair in group),
        tally=tally(pair.status for pair in group),
        reason="; ".join(dict.fromkeys(pair.reason for pair in group if pair.reason)),
    )


def first_mismatch(report: Report) -> tuple[OraclePair, FirstMismatch] | None:
    """The first failed pair that names its first mismatch."""
    for pair in report.verification.pairs if report.verification else ():
        if pair.status is Status.FAILED and pair.first is not None:
            return pair, pair.first
    return None


def differing(expected: str, actual: str) -> tuple[tuple[str, str, bool], ...]:
    """Digit by digit from the left: expected, actual, whether they differ; the shorter one is padded."""
    width = max(len(expected), len(actual))
    pairs = zip(expected.rjust(width), actual.rjust(width), strict=True)
    return tuple((left, right, left != right) for left, right in pairs)
