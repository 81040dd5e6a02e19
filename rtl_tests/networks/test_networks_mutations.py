"""The checks can fail: hardware broken on purpose in one place is reported, by the check that should see it."""

from __future__ import annotations

import re
from pathlib import Path

import hardware
import networks
import pytest
from networks import Draft

from bitwright.config import TargetConfig
from bitwright.network import Network
from bitwright.network.reference import Reference
from bitwright.report.records import Status
from bitwright.sim.diagnose import diagnose_rtl
from bitwright.sim.verilator import Bulk

pytestmark = pytest.mark.simulator


def victim() -> Network:
    """Two neurons and a relu, in a few stages."""
    draft = Draft("victim")
    hidden = draft.dense(draft.input(4, "fixed<6,3>"), 2, accum="fixed<16,8>", result="fixed<16,8>")
    draft.dense(draft.relu(hidden, "ufixed<5,3,RND,SAT>"), 2, accum="fixed<16,8>", result="fixed<14,8>")
    return draft.network()


@pytest.fixture
def shallow(target: TargetConfig) -> TargetConfig:
    """A target with several pipeline stages even for a small network."""
    return target.model_copy(update={"depth_per_stage": 2.0})


def first(old: str, new: str) -> hardware.Change:
    return lambda text: text.replace(old, new, 1)


def test_one_operator_changed(shallow: TargetConfig, tmp_path: Path) -> None:
    """A plus that became a minus: named with layer, element, vector and bits, and seen by the bench too."""
    network = victim()
    made = hardware.make(network, shallow, tmp_path, {"victim_dense3": first(" + ", " - ")})
    pair = made.bulk(networks.vectors(network, 2000))
    assert pair.status is Status.FAILED
    assert pair.mismatches > 100
    assert pair.first is not None
    assert pair.first.layer == "dense3"
    assert pair.first.expected_bits != pair.first.actual_bits
    assert len(pair.first.expected_bits) == 14
    wrong = hardware.failed(made.bench(networks.vectors(network, 50)))
    assert "vectors differ" in wrong["back_to_back"]


def test_the_diagnosis_names_the_first_wrong_layer(shallow: TargetConfig, tmp_path: Path) -> None:
    """The fault is two layers before the output; the waveform shows where the values begin to differ."""
    network = victim()
    made = hardware.make(network, shallow, tmp_path, {"victim_dense1": first(" + ", " - ")})
    x = networks.vectors(network, 500)
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    rtl = Bulk(made.built).outputs(x)
    found = diagnose_rtl(made.bundle, tmp_path / "bundle", Reference(network), x, rtl, evidence / "mismatch.vcd")
    assert found is not None
    assert found.layer == "relu2"
    assert found.expected_bits != found.actual_bits
    assert (rtl[found.vector] != Reference(network).outputs(x)[found.vector]).any()
    assert (evidence / str(found.waveform)).stat().st_size > 1000


def test_a_dropped_register(shallow: TargetConfig, tmp_path: Path) -> None:
    """All bits are right, one clock too early: only the latency check can see it."""
    network = victim()

    def drop(text: str) -> str:
        """The last stage's registers become wires, and so does the last valid bit."""
        stages = re.findall(r"_(\d+)_q <=", text)
        last = max(int(stage) for stage in stages)
        names = re.findall(rf"^    (\w+_{last}_q) <= (\w+);$", text, re.MULTILINE)
        for name, source in names:
            text = text.replace(f"    {name} <= {source};\n", "")
            text = re.sub(rf"  reg (\[\d+:0\] )?{name};\n", "", text)
            text = text.replace(name, source)
        text = text.replace("  always @(posedge clk) begin\n  end\n", "")
        width = int(re.search(r"reg \[(\d+):0\] valid_q", text).group(1))  # type: ignore[union-attr]
        return text.replace(f"assign out_valid = valid_q[{width}];", f"assign out_valid = valid_q[{width - 1}];\n"
                            f"  wire unused_valid = &{{1'b0, valid_q[{width}]}};")  # fmt: skip

    made = hardware.make(network, shallow, tmp_path, {"victim": drop})
    assert made.bulk(networks.vectors(network, 2000)).status is Status.PASSED
    wrong = hardware.failed(made.bench(networks.vectors(network, 50)))
    promised = made.bundle.shell.latency
    assert f"latency is {promised - 1}, the bundle says {promised}" in wrong["back_to_back"]
    assert "single_words" in wrong
    assert made.measured()["latency"] == promised - 1


def test_an_input_taken_every_other_clock(shallow: TargetConfig, tmp_path: Path) -> None:
    """All bits are right at half the rate: only the II check can see it."""
    network = victim()

    def half(text: str) -> str:
        text = text.replace(".available(s_axis_tready)", ".available(available)")
        gate = "  wire available;\n  reg turn_q;\n  always @(posedge clk) turn_q <= rst ? 1'b0 : !turn_q;\n"
        return text.replace("  wire accept =", f"{gate}  assign s_axis_tready = available && turn_q;\n  wire accept =")

    made = hardware.make(network, shallow, tmp_path, {"victim_stream": half})
    assert made.bulk(networks.vectors(network, 500)).status is Status.PASSED
    wrong = hardware.failed(made.bench(networks.vectors(network, 50)))
    assert "II is 2, the bundle says 1" in wrong["back_to_back"]


def test_credits_that_are_never_used_up(shallow: TargetConfig, tmp_path: Path) -> None:
    """More goes in than the FIFO holds: seen under backpressure, not without it."""
    network = victim()
    credit = {"stream_credit": first("assign available = free_q", "assign available = 1'b1 || free_q")}
    made = hardware.make(network, shallow, tmp_path, credit)
    assert made.bulk(networks.vectors(network, 2000)).status is Status.PASSED
    wrong = hardware.failed(made.bench(networks.vectors(network, 100)))
    assert {"backpressure", "long_stall"} <= set(wrong)
    assert "back_to_back" not in wrong


def test_a_reset_that_leaves_valid_bits(shallow: TargetConfig, tmp_path: Path) -> None:
    """Vectors of before the reset come out after it."""
    network = victim()
    made = hardware.make(
        network, shallow, tmp_path, {"victim": first("if (rst) valid_q", "if (rst && in_valid) valid_q")}
    )
    wrong = hardware.failed(made.bench(networks.vectors(network, 100)))
    assert "reset_in_mid_stream" in wrong


def test_a_module_that_gives_nothing(shallow: TargetConfig, tmp_path: Path) -> None:
    """A block that is missing leaves zeros: a reference that is not zero tells."""
    network = victim()

    def zeros(text: str) -> str:
        for high, name in re.findall(r"output wire \[(\d+):0\] (dense3_\d)", text):
            text = re.sub(rf"assign {name} = (.*);", rf"assign {name} = {int(high) + 1}'h0 & (\1);", text)
        return text

    made = hardware.make(network, shallow, tmp_path, {"victim_dense3": zeros})
    x = networks.vectors(network, 500)
    pair = made.bulk(x)
    assert pair.status is Status.FAILED
    assert pair.mismatches > 400
    assert "back_to_back" in hardware.failed(made.bench(x[:50]))


def test_a_wrong_expectation(shallow: TargetConfig, tmp_path: Path) -> None:
    """One wrong bit in one expected word of many is found, and where it is."""
    network = victim()
    made = hardware.make(network, shallow, tmp_path)
    x = networks.vectors(network, 100)
    y = Reference(network).outputs(x)
    assert hardware.failed(made.bench(x, y)) == {}
    y[77, 1] ^= 1
    wrong = hardware.failed(made.bench(x, y))
    assert "1 of 109 vectors differ; vector 77:" in wrong["back_to_back"]
