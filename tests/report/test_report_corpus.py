"""The parsers against the corpus of real reports; ``make corpus`` prints the whole table and damages every file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import corpus_truth
import mutations
import pytest

from bitwright.report.parsers.collect import OUR_FAULT, parse_file, parse_paths

pytestmark = pytest.mark.corpus
SMALL = 40_000
"""Bytes of a file that is damaged here."""


@pytest.fixture(scope="module")
def corpus() -> Path:
    if not (corpus_truth.CORPUS / "truth.json").is_file():
        pytest.skip(f"no corpus at {corpus_truth.CORPUS}; set BITWRIGHT_CORPUS")
    return corpus_truth.CORPUS


def test_everything_that_the_truth_states_is_right(corpus: Path) -> None:
    verdicts = corpus_truth.score()
    bad = [verdict for verdict in verdicts if verdict.word not in ("right", "elsewhere")]
    assert not bad
    assert Counter(verdict.word for verdict in verdicts)["right"] >= 8 * len(corpus_truth.truth())
    assert corpus_truth.not_judged() == []


def test_the_check_can_fail() -> None:
    """An entry that states another figure, and one that the report does not have."""
    report = corpus_truth.ROOT_FIXTURES / "vivado" / "utilization_7series_synth.rpt"
    entry = {"file": str(report), "tool": "Vivado", "tool_version": "2018.2", "kind": "report_utilization",
             "device": "7k70tfbg484-1", "design": "tiny", "LUT": 200, "FF": 144, "SRL": None, "URAM": 7}  # fmt: skip
    words = {verdict.name: verdict.word for verdict in corpus_truth.judge(entry, parse_paths([report]))}
    assert words == {"LUT": "right", "FF": "wrong", "SRL": "invented", "URAM": "missing", "tool": "right",
                     "tool_version": "right", "part": "right", "design": "right"}  # fmt: skip


def test_no_file_makes_a_parser_fail(corpus: Path) -> None:
    parsed = parse_paths([corpus])
    assert [problem for problem in parsed.problems if OUR_FAULT in problem.message] == []
    assert len(parsed.figures) > 1000


def test_a_damaged_file_is_not_read_wrongly(corpus: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    made = 0
    for path in sorted(p for p in corpus.rglob("*") if p.is_file() and p.stat().st_size < SMALL):
        good = parse_paths([path])
        if not good.figures:
            continue
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        for name, mutant in mutations.mutants(text, f"test:{path.name}", 6):
            copy.write_text(mutant, encoding="utf-8", errors="surrogateescape")
            lies, losses = mutations.damage_done(good, parse_file(copy, str(path)), mutant)
            assert (lies, losses) == ([], []), (path, name)
            made += 1
    assert made > 300
