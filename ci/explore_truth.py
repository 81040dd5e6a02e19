"""The truth of a small space, and how fast each sampler finds it: the figures of docs/explore.md.

.venv/bin/python ci/explore_truth.py truth      # every candidate with real synthesis; goes on where it was stopped
.venv/bin/python ci/explore_truth.py compare    # samplers against that truth, from reports/explore/jsc_tiny_2to6.csv
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from bitwright.explore.pareto import adrs, front, hypervolume
from bitwright.explore.samplers import Seen
from bitwright.explore.search import SAMPLERS
from bitwright.explore.session import Request, open_session
from bitwright.explore.space import Knob, Point, SearchSpace, Space
from bitwright.explore.study import Study
from bitwright.files import write_text

ROOT = Path(__file__).parent.parent
MODEL, WIDTHS = "jsc_tiny", (2, 3, 4, 5, 6)
GROUPS: dict[str, tuple[tuple[str, ...], ...]] = {"all": (), "grouped": (("features", "relu"),)}
EVALUATIONS = {"all": (25, 50, 100), "grouped": (20, 30, 50)}
SEEDS = range(1, 11)
Truth = dict[Point, tuple[float, ...]]


class Thorough(Study):
    """Counts the LUTs of every candidate."""

    def matters(self, *_: object) -> bool:
        """Always."""
        return True


def table_of(kind: str) -> Path:
    """The file of a truth."""
    return ROOT / "reports" / "explore" / f"{MODEL}_{kind}.csv"


def make_truth(kind: str) -> None:
    """Evaluate every candidate, all with real synthesis, and write the table."""
    request = Request(
        model=MODEL, root=ROOT, space=SearchSpace(weights=WIDTHS, activations=WIDTHS, together=GROUPS[kind])
    )
    session = open_session(request, print)
    study = Thorough(session.study.builder, session.rows, session.target, session.study.store, workers=2)
    for number, point in enumerate(session.space.points(), start=1):
        candidate = session.space.candidate(point)
        study.evaluate(candidate, ())
        if number % 25 == 0:
            print(f"{number} of {session.space.size}", flush=True)
    known = {entry.candidate: entry.figures for entry in study.evaluations()}
    free = [knob for knob in session.space.knobs if len(knob.values) > 1]
    table = [[*(knob.name for knob in free), "accuracy", "lut", "latency_cycles"]]
    for point in session.space.points():
        candidate = session.space.candidate(point)
        figures = known[candidate]
        assert figures is not None
        assert figures.is_real
        chosen = [str(candidate[knob.settings[0]]) for knob in free]
        table.append([*chosen, f"{figures.accuracy:.6f}", f"{figures.lut:.0f}", str(figures.latency_cycles)])
    write_text(table_of(kind), "".join(",".join(row) + "\n" for row in table))


def read_truth(path: Path) -> tuple[Space, Truth]:
    """The space of the table and the objectives of each of its points."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if "." in name]
    values = {name: sorted({int(row[name]) for row in rows}) for name in names}
    space = Space(tuple(Knob(name, tuple(values[name]), (name,)) for name in names))
    truth = {
        tuple(values[name].index(int(row[name])) for name in names): (
            round(1 - float(row["accuracy"]), 6), float(row["lut"]), float(row["latency_cycles"]),
        )
        for row in rows
    }  # fmt: skip
    return space, truth


def measures(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """ADRS, and the share of the true front's hypervolume; of error, LUT and latency."""
    corner = truth.max(axis=0) * 1.01
    return adrs(found, front(truth)), hypervolume(found, corner) / hypervolume(truth, corner)


def trace(name: str, space: Space, truth: Truth, seed: int, evaluations: int) -> np.ndarray:
    """The objectives of the points in the order in which a sampler asks for them."""
    sampler, seen = SAMPLERS[name](space), list[Seen]()
    while len(seen) < evaluations:
        proposal = sampler.propose(seen, seed)
        assert proposal is not None
        seen.append(Seen(proposal.point, truth[proposal.point], proposal.notes))
    return np.array([entry.values for entry in seen])


def compare(kind: str, names: list[str]) -> None:
    """Print mean and standard deviation over the seeds."""
    space, truth = read_truth(table_of(kind))
    everything = np.array(list(truth.values()))
    print(f"{len(truth)} candidates, {len(front(everything))} in the true front; {len(SEEDS)} seeds")
    print("| sampler | " + " | ".join(f"ADRS at {n} | hypervolume at {n}" for n in EVALUATIONS[kind]) + " |")
    print("|---|" + "---|---|" * len(EVALUATIONS[kind]))
    for name in names or SAMPLERS:
        traces = [trace(name, space, truth, seed, max(EVALUATIONS[kind])) for seed in SEEDS]
        cells = []
        for count in EVALUATIONS[kind]:
            found = np.array([measures(one[:count], everything) for one in traces])
            mean, deviation = found.mean(axis=0), found.std(axis=0)
            cells += [f"{mean[0]:.4f} ± {deviation[0]:.4f}", f"{mean[1]:.2%} ± {deviation[1]:.2%}"]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["truth", "all" | "grouped" as which]:
            make_truth(which)
        case ["compare", "all" | "grouped" as which, *chosen]:
            compare(which, chosen)
        case _:
            sys.exit(__doc__)
