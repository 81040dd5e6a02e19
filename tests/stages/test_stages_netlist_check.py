"""Designs of blocks through Yosys, their netlists simulated behind their streams: the fifth oracle."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from networks import Draft, vectors

from bitwright.config import TargetConfig
from bitwright.eda.yosys import ModuleResult, synthesize
from bitwright.errors import MismatchError
from bitwright.files import read_json, write_arrays
from bitwright.network import Network
from bitwright.network.layers import Cell
from bitwright.network.reference import Reference
from bitwright.network.text import save
from bitwright.report.records import OraclePair, Status
from bitwright.rtl.bundle import Bundle
from bitwright.rtl.emit import emit
from bitwright.stages.job import Job
from bitwright.stages.netlist_check import VECTORS, check_netlist, stream_vectors
from bitwright.stages.synthesis import module_jobs, synth_options

ROWS = 700


@dataclass(frozen=True)
class Made:
    """A synthesized design with its vectors and what they should give."""

    job: Job
    bundle: Bundle
    results: tuple[ModuleResult, ...]

    def check(self) -> OraclePair:
        return check_netlist(self.job, self.bundle, self.results)

    def changed(self, folder: Path, module: str, change: Callable[[dict[str, Any]], None]) -> Made:
        """The same with a changed netlist of one module."""
        path = folder / f"{module}.json"
        results = []
        for result in self.results:
            if result.top == module:
                data = read_json(result.netlist)
                change(data["modules"][module])
                path.write_text(json.dumps(data))
                result = dataclasses.replace(result, netlist=path)  # noqa: PLW2901
            results.append(result)
        return dataclasses.replace(self, results=tuple(results))


def make(network: Network, target: TargetConfig, folder: Path, family: str = "xcup") -> Made:
    job = Job(folder)
    for stage in ("import", "emit", "reference"):
        job.stage(stage).mkdir()
    x = vectors(network, ROWS)
    save(network, job.stage("import") / "network.json")
    write_arrays(job.stage("import") / "vectors.npz", {"x": x})
    write_arrays(job.stage("reference") / "reference.npz", {"y": Reference(network).outputs(x)})
    bundle = emit(network, target, job.stage("emit"))
    assert bundle.streams
    jobs = module_jobs(bundle, job.stage("emit"))
    return Made(job, bundle, synthesize(jobs, family=family, out=folder / "synth", options=synth_options(family)))


def folded() -> Network:
    """A Dense layer with a reuse factor, its products in DSP blocks, and a relu behind it."""
    draft = Draft("folded")
    common = {"weight": "fixed<12,3>", "strategy": "resource", "reuse": 4}
    x = draft.dense(draft.input(4, "fixed<8,3>"), 2, accum="fixed<14,8>", result="fixed<9,5>", **common)
    return draft.network(draft.relu(x, "ufixed<6,4,RND,SAT>"))


def streamed() -> Network:
    """A convolution pixel by pixel through a line buffer."""
    draft = Draft("streamed")
    x = draft.input((4, 3, 1), "fixed<4,2>")
    draft.conv(x, 2, (2, 2), accum="fixed<10,6>", result="fixed<6,4,RND,SAT>", weight="fixed<3,2>")
    return dataclasses.replace(draft.network(), io_type="io_stream")


@pytest.fixture(scope="module")
def engine(target: TargetConfig, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One synthesis for many tests."""
    return make(folded(), target, tmp_path_factory.mktemp("folded"))


@pytest.mark.synth
def test_a_folded_layer(engine: Made) -> None:
    pair = engine.check()
    assert (pair.status, pair.reason) == (Status.PASSED, "")
    assert pair.vectors >= ROWS
    kinds = {kind for result in engine.results for kind in result.cells}
    assert "DSP48E2" in kinds
    assert any(kind.startswith("RAM") for kind in kinds)


@pytest.mark.synth
def test_a_convolution_of_pixels(target: TargetConfig, tmp_path: Path) -> None:
    pair = make(streamed(), target, tmp_path).check()
    assert (pair.status, pair.reason) == (Status.PASSED, "")
    assert pair.vectors >= ROWS


def recurrent() -> Network:
    """Gates in two groups of units, their cells in distributed memory."""
    draft = Draft("recurrent")
    x = draft.input((3, 2), "fixed<5,2>")
    options = {"strategy": "resource", "reuse_factor": 2, "recurrent_reuse_factor": 2, "sequences": False}
    draft.recurrent(x, Cell.LSTM, 4, accum="fixed<8,4>", result="fixed<7,3>", **options)
    return dataclasses.replace(draft.network(), io_type="io_stream")


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.parametrize("family", ["xcup", "xc7"])
def test_a_recurrence(family: str, target: TargetConfig, tmp_path: Path) -> None:
    made = make(recurrent(), target, tmp_path, family)
    pair = made.check()
    assert (pair.status, pair.reason) == (Status.PASSED, "")
    assert pair.vectors >= ROWS
    core = next(result for result in made.results if result.top == "recurrent_lstm1")
    assert any(kind.startswith("RAM") for kind in core.cells)


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.parametrize("network", [folded, streamed])
def test_7_series(network: Callable[[], Network], target: TargetConfig, tmp_path: Path) -> None:
    assert make(network(), target, tmp_path, "xc7").check().status is Status.PASSED


@pytest.mark.synth
def test_a_changed_table_of_the_engine_is_found(engine: Made, tmp_path: Path) -> None:
    """One look-up table inverted, in front of a carry chain."""

    def flip(module: dict[str, Any]) -> None:
        cell = next(cell for cell in module["cells"].values() if cell["type"] == "CARRY4")
        select = cell["connections"]["S"][0]
        lut = next(c for c in module["cells"].values() if c["type"] == "LUT2" and c["connections"]["O"] == [select])
        lut["parameters"]["INIT"] = lut["parameters"]["INIT"].translate(str.maketrans("01", "10"))

    name = next(module.name for module in engine.bundle.modules if module.layers)
    pair = engine.changed(tmp_path, name, flip).check()
    assert pair.status is Status.FAILED
    assert pair.first is not None
    assert pair.mismatches > 0


@pytest.mark.synth
def test_an_unknown_cell_is_not_run(engine: Made, tmp_path: Path) -> None:
    def rename(module: dict[str, Any]) -> None:
        next(cell for cell in module["cells"].values() if cell["type"].startswith("RAM"))["type"] = "RAM64X8SW"

    pair = engine.changed(tmp_path, engine.bundle.shell.module, rename).check()
    assert (pair.status, pair.vectors) == (Status.NOT_RUN, 0)
    assert "the RAM64X8SW is not known" in pair.reason


@pytest.mark.synth
def test_a_netlist_that_hangs_is_an_error(engine: Made, tmp_path: Path) -> None:
    def cut(module: dict[str, Any]) -> None:
        module["ports"]["m_axis_tvalid"]["bits"] = ["0"]

    with pytest.raises(MismatchError, match="stopped giving outputs: 0 of"):
        engine.changed(tmp_path, engine.bundle.shell.module, cut).check()


@pytest.mark.synth
def test_vectors_as_time_allows(engine: Made) -> None:
    shell = engine.bundle.shell
    counts = [stream_vectors(shell, 10**power) for power in range(12)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 64
    assert VECTORS - 64 < counts[0] <= VECTORS
    assert all(count % 64 == 0 for count in counts)
