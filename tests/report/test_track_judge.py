"""Budgets and baselines: what breaks a run, what does not, and what is named as the cause."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_samples import sample

from bitwright.config import BudgetConfig, load_model
from bitwright.errors import ConfigError
from bitwright.report.records import FigureStage, InputDigest, Measurement, Report, ResultDigest, Status
from bitwright.report.track.baseline import (
    Baseline,
    Tolerances,
    baseline_path,
    load_baseline,
    make_baseline,
    write_baseline,
)
from bitwright.report.track.headline import figure_words, headline, is_partial, provenance
from bitwright.report.track.judge import Run, Verdict, judge, lines

BITS = {"program": "p0", "vectors": "v0", "network": "n0", "outputs": "o0", "bundle": "b0"}


def digests(**changed: str) -> tuple[ResultDigest, ...]:
    return tuple(ResultDigest(name=name, sha256=sha) for name, sha in (BITS | changed).items())


def report(**changed: object) -> Report:
    return sample().model_copy(update={"results": digests(), **changed})


def scaled(metric: str, factor: float) -> Report:
    """The report with one metric of every design made larger."""
    made = report()
    moved = tuple(
        m.model_copy(update={"value": m.value * factor}) if m.metric == metric else m for m in made.measurements
    )
    return made.model_copy(update={"measurements": moved})


def slower(cycles: int) -> Report:
    made = report()
    designs = tuple(d.model_copy(update={"latency_cycles": d.latency_cycles + cycles}) for d in made.designs)
    return made.model_copy(update={"designs": designs})


def verdict(after: Report, before: Report | None = None, budgets: object = None, **tolerances: object) -> Verdict:
    made = make_baseline(before or report(), "abc", Tolerances.model_validate(tolerances))
    run = Run(headline(after), provenance(after, "def"))
    return judge(run, BudgetConfig.model_validate(budgets or {}), made)


def broken(found: Verdict) -> list[str]:
    return [finding.figure for finding in found.broken]


# --- headline ----------------------------------------------------------------------------------


def test_headline_is_what_the_report_says() -> None:
    made = report()
    head = headline(made)
    kernel = next(design for design in made.designs if design.role == "kernel")
    lut = next(m.value for m in made.measurements if m.metric == "LUT" and m.design == kernel.name)
    assert made.accuracy is not None
    assert (head.design, head.get("lut")) == (kernel.name, lut)
    assert head.get("latency_cycles") == kernel.latency_cycles
    assert head.get("accuracy") == made.accuracy.accuracy
    assert head.get("seconds") == pytest.approx(sum(run.seconds or 0 for run in made.stages))
    assert "fmax_mhz" not in head.figures, "no tool analysed timing"


def test_timing_comes_from_the_stage_nearest_to_the_device() -> None:
    made = report()
    common = {"unit": "MHz", "tool": "nextpnr", "tool_version": "1", "part": made.part, "source": "x",
              "design": "jet3_harness"}  # fmt: skip
    stages = ((FigureStage.POST_SYNTH, 900.0), (FigureStage.POST_ROUTE, 210.0))
    rows = [Measurement.model_validate({"metric": "FMAX_MHZ", "value": v, "stage": s, **common}) for s, v in stages]
    head = headline(made.model_copy(update={"measurements": (*made.measurements, *rows)}))
    assert (head.get("fmax_mhz"), head.timing_from) == (210.0, "POST_ROUTE, nextpnr, jet3_harness")


def test_luts_without_their_carry_cells_are_said_to_be() -> None:
    """Lattice: two LUT4 of every carry cell are not in Yosys' count, so that it looks like a tenth of the design."""
    made = report()
    noted = tuple(
        m.model_copy(update={"note": "not counted: two LUT4 in each of 690 carry cells"}) if m.metric == "LUT" else m
        for m in made.measurements
    )
    head = headline(made.model_copy(update={"measurements": noted}))
    assert head.area_from == "POST_SYNTH, yosys, without carry cells"
    assert is_partial(head.area_from)
    assert figure_words("lut", 256.0, head.area_from) == "256 + carry cells"
    assert figure_words("ff", 256.0, head.area_from) == "256"
    assert not is_partial(headline(made).area_from)


# --- baseline ----------------------------------------------------------------------------------


def test_the_same_run_breaks_nothing_and_is_not_better() -> None:
    found = verdict(report())
    assert not found.broken
    assert not found.better
    assert not found.changed
    assert "nothing that was recorded changed" in found.sentence()


@pytest.mark.parametrize(("factor", "expected"), [(1.10, []), (1.11, ["lut"]), (1.0001, []), (0.5, [])])
def test_area_may_grow_by_a_tenth(factor: float, expected: list[str]) -> None:
    base = scaled("LUT", 100.0)  # so that 1.0001 is not lost in a whole number of LUTs
    after = base.model_copy(
        update={
            "measurements": tuple(
                m.model_copy(update={"value": m.value * factor}) if m.metric == "LUT" else m for m in base.measurements
            )
        }
    )
    found = verdict(after, base)
    assert broken(found) == expected
    assert [f.figure for f in found.better] == (["lut"] if factor < 1 else [])


def test_what_was_none_may_not_become_some() -> None:
    """Ten percent of no DSP is none."""
    made = report()
    design = headline(made).design
    dsp = next(m for m in made.measurements if m.metric == "DSP" and m.design == design)
    zero, one = (
        made.model_copy(
            update={
                "measurements": tuple(
                    m.model_copy(update={"value": value}) if m is dsp else m for m in made.measurements
                )
            }
        )
        for value in (0, 1)
    )
    assert broken(verdict(one, zero)) == ["dsp"]
    assert broken(verdict(zero, one)) == []


def test_latency_may_not_grow_by_a_cycle() -> None:
    found = verdict(slower(1))
    assert broken(found) == ["latency_cycles"]
    assert broken(verdict(slower(1), latency=0.5)) == []
    assert [f.figure for f in verdict(slower(-1)).better] == ["latency_cycles"]


def test_a_tolerance_in_model_yaml_is_the_one_that_counts() -> None:
    assert broken(verdict(scaled("LUT", 1.3), budgets={"lut": {"tolerance": 0.5}})) == []
    assert broken(verdict(scaled("LUT", 1.05), budgets={"lut": {"tolerance": 0.0}})) == ["lut"]


def test_accuracy_may_not_fall() -> None:
    made = report()
    assert made.accuracy is not None
    worse = made.accuracy.model_copy(update={"accuracy": made.accuracy.accuracy - 0.01})
    found = verdict(made.model_copy(update={"accuracy": worse}))
    assert broken(found) == ["accuracy"]
    assert "-1.00 points, 0 allowed" in found.sentence()
    assert broken(verdict(made.model_copy(update={"accuracy": worse}), accuracy=0.02)) == []


def test_accuracies_on_other_rows_are_not_compared() -> None:
    made = report()
    assert made.accuracy is not None
    other = made.accuracy.model_copy(update={"accuracy": 0.1, "dataset": "another"})
    found = verdict(made.model_copy(update={"accuracy": other}))
    assert broken(found) == []
    assert [f.figure for f in found.not_run] == ["accuracy"]


def test_areas_of_two_stages_are_not_compared() -> None:
    made = report()
    routed = tuple(
        m.model_copy(update={"stage": FigureStage.POST_ROUTE, "value": m.value * 5}) for m in made.measurements
    )
    found = verdict(made.model_copy(update={"measurements": routed}))
    assert broken(found) == []
    assert {"lut", "ff", "dsp"} <= {f.figure for f in found.not_run}
    assert any("NOT RUN" in line for line in lines(found))


def routed(fmax: float, slack: float) -> Report:
    made = report()
    common = {"tool": "nextpnr-ecp5", "tool_version": "0.11", "part": made.part, "source": "route/report.json",
              "design": "jet3_harness", "stage": FigureStage.POST_ROUTE}  # fmt: skip
    rows = [
        Measurement.model_validate({"metric": metric, "value": value, "unit": unit, **common})
        for metric, value, unit in (("FMAX_MHZ", fmax, "MHz"), ("WNS_NS", slack, "ns"))
    ]
    return made.model_copy(update={"measurements": (*made.measurements, *rows)})


@pytest.mark.parametrize(
    ("fmax", "slack", "expected"),
    [
        (200.0, 0.4, []),
        (190.0, 0.1, []),
        (189.0, 0.1, ["fmax_mhz"]),
        (200.0, -0.01, ["wns_ns"]),
        (300.0, 2.0, []),
    ],
)
def test_timing_may_lose_a_twentieth_but_not_its_slack(fmax: float, slack: float, expected: list[str]) -> None:
    found = verdict(routed(fmax, slack), routed(200.0, 0.4))
    assert broken(found) == expected
    assert ("fmax_mhz" in [f.figure for f in found.better]) is (fmax > 200)
    assert broken(verdict(routed(200.0, -0.3), routed(200.0, -0.2))) == ["wns_ns"]
    assert broken(verdict(routed(150.0, 0.4), routed(150.0, 0.4), budgets={"fmax_mhz": {"min": 160}})) == ["fmax_mhz"]


@pytest.mark.parametrize(
    ("changed", "ended"),
    [
        ({}, Status.PASSED),
        ({"bundle": "b1"}, Status.PASSED),
        ({"outputs": "o1"}, Status.FAILED),
        ({"outputs": "o1", "network": "n1"}, Status.FAILED),
        ({"outputs": "o1", "vectors": "v1"}, Status.PASSED),
        ({"outputs": "o1", "vectors": "v1", "network": "n1"}, Status.FAILED),
    ],
)
def test_no_bit_may_change(changed: dict[str, str], ended: Status) -> None:
    """Other vectors make other outputs; the network tells then whether the function is the same."""
    found = verdict(report(results=digests(**changed)))
    assert [f.status for f in found.findings if f.figure == "bits"] == [ended]
    assert not verdict(report(results=digests(**changed)), bits=None).broken


def test_bits_without_digests_are_not_compared() -> None:
    found = verdict(report(results=()))
    assert [f.status for f in found.findings if f.figure == "bits"] == [Status.NOT_RUN]


@pytest.mark.parametrize(
    ("command", "compared"),
    [
        ("make fpga MODEL=jet3 HEAD=argmax", False),
        ("make fpga MODEL=jet3 IO=io_stream", False),
        ("make fpga MODEL=jet3 WEIGHTS='my weights.h5'", False),
        ("make fpga MODEL=jet3 HLS=hls/small.yaml", True),
        ("make fpga MODEL=models/jet3/model.yaml BULK=100", True),
    ],
)
def test_another_design_has_no_baseline_here(command: str, compared: bool) -> None:
    """What is asked for by name, another head say, is no regression; a config of the same content is the same."""
    before = report(reproduce=("make fpga MODEL=jet3",))
    after = slower(1).model_copy(update={"reproduce": (command,)})
    found = verdict(after, before, budgets={"lut": {"max": 1}})
    assert ("latency_cycles" in broken(found)) is compared
    assert "lut" in broken(found), "budgets hold for every design"
    assert [f.figure for f in found.not_run] == ([] if compared else ["baseline"])


def test_a_config_asked_for_by_name_is_another_design() -> None:
    """HLS= with a file of other content; the same change in the design's own file is judged."""
    own, other = (InputDigest(name="hls_config: jet3.yaml", sha256=sha * 64) for sha in "ab")
    before = report(reproduce=("make fpga MODEL=jet3",), inputs=(own,))
    after = slower(1).model_copy(update={"inputs": (other,)})
    asked = after.model_copy(update={"reproduce": ("make fpga MODEL=jet3 HLS=hls/small.yaml",)})
    assert [finding.figure for finding in verdict(asked, before).not_run] == ["baseline"]
    assert not verdict(asked, before).broken
    in_place = after.model_copy(update={"reproduce": ("make fpga MODEL=jet3",)})
    assert "latency_cycles" in broken(verdict(in_place, before))


# --- what changed ------------------------------------------------------------------------------


def changed_inputs(prefix: str) -> Report:
    made = report()
    inputs = tuple(
        item.model_copy(update={"sha256": "0" * 64}) if item.name.startswith(prefix) else item for item in made.inputs
    )
    assert inputs != made.inputs
    return made.model_copy(update={"inputs": inputs})


def test_each_cause_is_named() -> None:
    made = report()
    tools = tuple(t.model_copy(update={"version": "9.9"}) if t.name == made.tools[0].name else t for t in made.tools)
    cases = {
        "our code": report(results=digests(program="p1")),
        "tool version": report(tools=tools),
        "config": report(reproduce=("make fpga MODEL=jet3 HEAD=argmax",)),
    }
    for what, after in cases.items():
        found = verdict(after)
        assert {change.what for change in found.changed} == {what}
        assert what in found.sentence()


def test_model_and_config_are_told_apart() -> None:
    names = {"model: model.h5": "model", "rows: test.npz": "model", "hls_config: jet3.yaml": "config",
             "model.yaml": "config", "vu13p_5ns.yaml": "config"}  # fmt: skip
    base = report(inputs=tuple(_input(name, "a") for name in names))
    for name, what in names.items():
        after = report(inputs=tuple(_input(n, "b" if n == name else "a") for n in names))
        assert [(c.what, c.detail) for c in verdict(after, base).changed] == [(what, name)]


def _input(name: str, sha: str) -> object:
    return InputDigest(name=name, sha256=sha)


def test_a_target_that_is_named_is_no_change() -> None:
    base, after = (report(reproduce=(f"make fpga MODEL=jet3{more}",)) for more in ("", " TARGET=vu13p_5ns BULK=10"))
    assert verdict(after, base).changed == ()


def test_a_renamed_model_of_the_same_content_is_no_change() -> None:
    base, after = (report(inputs=(_input(f"model: {name}.h5", "a"),)) for name in ("one", "two"))
    assert verdict(after, base).changed == ()


# --- budgets -----------------------------------------------------------------------------------


def test_budgets_are_bounds() -> None:
    lut = headline(report()).figures["lut"]
    assert broken(verdict(report(), budgets={"lut": {"max": lut}})) == []
    assert broken(verdict(report(), budgets={"lut": {"max": lut - 1}})) == ["lut"]
    assert broken(verdict(report(), budgets={"accuracy": {"min": 0.999}})) == ["accuracy"]


def test_a_budget_of_zero_is_a_bound() -> None:
    made = scaled("DSP", 0).model_copy()
    used = tuple(
        m.model_copy(update={"value": 1}) if m.metric == "DSP" else m for m in made.measurements
    )  # fmt: skip
    with_dsp = made.model_copy(update={"measurements": used})
    assert broken(verdict(with_dsp, with_dsp, budgets={"dsp": {"max": 0}})) == ["dsp"]


def test_a_budget_on_what_was_not_measured_is_not_run() -> None:
    found = verdict(report(), budgets={"fmax_mhz": {"min": 200}})
    assert broken(found) == []
    assert [f.words for f in found.not_run] == ["Fmax was not measured; the budget is at least 200 MHz"]


BUDGETS = "name: tiny\nsource: m.h5\nbudgets:\n  lut: {max: 12}\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: tiny\nsource: m.h5\nbudgets:\n  latency_cycle: {max: 12}\n", 4, "did you mean 'latency_cycles'?"),
        ("name: tiny\nsource: m.h5\nbudgets:\n  lut:\n    maxx: 3\n", 5, "did you mean 'max'?"),
        ("name: tiny\nsource: m.h5\nbudgets:\n  accuracy: {min: 72}\n", 4, "less than or equal to 1"),
        ("name: tiny\nsource: m.h5\nbudgets:\n  lut: {}\n", 4, "neither a bound nor a tolerance"),
        ("name: tiny\nsource: m.h5\nbudgets:\n  lut: {max: -1}\n", 4, "greater than or equal to 0"),
    ],
)
def test_a_wrong_budget_names_the_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "model.yaml"
    (tmp_path / "m.h5").touch()
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_model(path)
    assert caught.value.where == f"{path}:{line}"
    assert said in str(caught.value)


def test_budgets_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "m.h5").touch()
    (tmp_path / "model.yaml").write_text(BUDGETS)
    assert load_model(tmp_path / "model.yaml").budgets.limit("lut") == 12


# --- the file ----------------------------------------------------------------------------------


def test_a_baseline_round_trip(tmp_path: Path) -> None:
    path = baseline_path(tmp_path, "jet3", "vu13p_5ns")
    assert path == tmp_path / "reports" / "baselines" / "jet3" / "vu13p_5ns.json"
    assert load_baseline(path) is None
    made = make_baseline(report(), "abc", Tolerances())
    write_baseline(path, made)
    assert load_baseline(path) == made
    assert "seconds" not in made.headline.figures
    before = path.read_bytes()
    write_baseline(path, made)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"area": 0.1', '"araa": 0.1', "did you mean 'area'?"),
        ('"area": 0.1', '"area": -1', "greater than or equal to 0"),
        ('"tolerances": {', '"tolerances" {', "damaged JSON"),
    ],
)
def test_a_damaged_baseline_names_the_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "b.json"
    write_baseline(path, make_baseline(report(), "abc", Tolerances()))
    text = path.read_text().replace(old, new)
    line = next(number for number, words in enumerate(text.splitlines(), 1) if new in words)
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_baseline(path)
    assert said in str(caught.value)
    assert caught.value.where == f"{path}:{line}"


def test_the_committed_baselines_can_be_read() -> None:
    root = Path(__file__).parents[2] / "reports" / "baselines"
    for path in root.glob("*/*.json"):
        found = load_baseline(path)
        assert isinstance(found, Baseline)
        assert (found.model, found.target) == (path.parent.name, path.stem)
        assert {"lut", "latency_cycles"} <= found.headline.figures.keys()
        assert json.loads(path.read_text())["provenance"]["digests"].keys() == BITS.keys()
