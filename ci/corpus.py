"""``make corpus``: every report of the corpus against ``truth.json``, then 50 damaged copies of each file.

Prints per tool and metric how many figures are right, wrong, missing and invented, and how many damaged copies gave
a figure that is silently wrong.  Exit code 0: all right; 1: something is not; 3: there is no corpus here.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "report"))

import corpus_truth
import mutations

from bitwright.report.parsers.collect import OUR_FAULT, parse_file, parse_paths

COPIES = 50
BAD = ("wrong", "missing", "invented")


def main() -> int:
    """Score the corpus as it is, then damaged."""
    if not (corpus_truth.CORPUS / "truth.json").is_file():
        print(f"no corpus at {corpus_truth.CORPUS}; set BITWRIGHT_CORPUS to the folder that holds reports/truth.json")
        return 3
    verdicts = corpus_truth.score()
    print(corpus_truth.table(verdicts))
    for verdict in verdicts:
        if verdict.word in BAD:
            print(f"{verdict.word}: {verdict.file}: {verdict.name}: {verdict.detail}")
    counts = Counter(verdict.word for verdict in verdicts)
    print(
        "elsewhere: what the truth knows of a file from another source, as the version of a tool that it does not name"
    )
    for name in corpus_truth.not_judged():
        print(f"not judged: '{name}', which truth.json states and this check does not know")
    wrong, quiet = damaged(os.environ.get("SEED", ""))
    return 1 if wrong or quiet or any(counts[word] for word in BAD) else 0


def damaged(seed: str) -> tuple[int, int]:
    """Parse damaged copies of every file; the numbers of those with a wrong figure, and with a loss untold."""
    made = wrong = quiet = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        for path in _files():
            good = parse_paths([path])
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            for name, mutant in mutations.mutants(text, f"{seed}{path.relative_to(corpus_truth.CORPUS)}", COPIES):
                copy.write_text(mutant, encoding="utf-8", errors="surrogateescape")
                bad = parse_file(copy, str(path))
                lies, losses = mutations.damage_done(good, bad, mutant)
                lies += [problem.message for problem in bad.problems if OUR_FAULT in problem.message]
                made, wrong, quiet = made + 1, wrong + bool(lies), quiet + bool(losses)
                for word, what in (("silently wrong", lies), ("lost without a problem", losses)):
                    if what:
                        print(f"{word}: {path.relative_to(corpus_truth.CORPUS)}: {name}: {'; '.join(what[:3])}")
    print(f"{made} damaged copies: {wrong} silently wrong, {quiet} with a figure lost without a problem")
    return wrong, quiet


def _files() -> Iterator[Path]:
    """The files of the corpus that hold figures."""
    for path in sorted(corpus_truth.CORPUS.rglob("*")):
        if path.is_file() and path.name != "truth.json" and parse_paths([path]).figures:
            yield path


if __name__ == "__main__":
    sys.exit(main())
