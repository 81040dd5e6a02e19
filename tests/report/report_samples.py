"""Reports made up for the tests: every view has something to show."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bitwright.report.accuracy import score
from bitwright.report.parsers.yosys import parse_yosys_stat
from bitwright.report.records import (
    Accuracy,
    DesignRow,
    FigureStage,
    FirstMismatch,
    InputDigest,
    LayerRow,
    Measurement,
    OraclePair,
    PortRow,
    ProtocolCheck,
    Report,
    StageRun,
    Status,
    ToolVersion,
    Verification,
    Warning_,
)

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "reports" / "fixtures" / "yosys"
PART = "xcvu13p-flga2577-2-e"
CLASSES = ("g", "q", "t", "w", "z")
VECTORS, BULK, OUT_BITS = 10_240, 1_000_000, 5 * 16


def jets() -> Accuracy:
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 5, 600)
    values = np.round(rng.normal(size=(600, 5)) * 64) / 64
    values[np.arange(600), labels] += 1.7
    return score(
        values, labels, CLASSES, dataset="hls4ml_lhc_jets_hlf", split="5-fold cross-validation",
        synthetic=False, keras=values, note="trained on generated rows; tested on real rows only",
    ).model_copy(update={"source": "verify/accuracy.json"})  # fmt: skip


def figure(metric: str, value: float, design: str, layer: str | None = None, **changes: object) -> Measurement:
    fields: dict[str, object] = {
        "metric": metric, "value": value, "unit": "count", "stage": FigureStage.POST_SYNTH, "tool": "yosys",
        "tool_version": "0.70", "part": PART, "design": design, "layer": layer, "source": "synth/stat.json", "line": 12,
    }  # fmt: skip
    return Measurement.model_validate(fields | changes)


def pair(left: str, right: str, vectors: int = VECTORS, **changes: object) -> OraclePair:
    fields: dict[str, object] = {
        "left": left, "right": right, "status": Status.PASSED, "vectors": vectors, "bits": vectors * OUT_BITS,
        "mismatches": 0, "seed": 1,
    }  # fmt: skip
    return OraclePair.model_validate(fields | changes)


def not_run(left: str, right: str, reason: str) -> OraclePair:
    return pair(left, right, vectors=0, status=Status.NOT_RUN, reason=reason)


def verification() -> Verification:
    names = ("Keras", "hls4ml C++", "reference", "RTL")
    pairs = [pair(a, b) for k, a in enumerate(names) for b in names[k + 1 :] if (a, b) != ("reference", "RTL")]
    pairs += [pair("reference", "RTL", BULK), pair("reference", "netlist", 2_000), pair("RTL", "netlist", 2_000)]
    pairs += [not_run("Keras", "netlist", "compared through the reference")]
    checks = ("random_valid_gaps", "random_backpressure", "reset_in_mid_stream", "back_to_back", "latency")
    return Verification(
        status=Status.PASSED,
        pairs=tuple(pairs),
        protocol=tuple(ProtocolCheck(name=name, status=Status.PASSED, seconds=1.3) for name in checks),
        latency_cycles=14,
        ii_cycles=1,
        bulk_vectors_per_second=412_345.0,
        source="verify/verification.json",
    )


# name, kind, LUT, FF, first stage, last stage, weights
SIZES = (
    ("q_input", "QActivation", 96, 96, 0, 0, 0),
    ("fc1", "Dense", 6210, 1560, 1, 4, 1024),
    ("relu1", "QActivation", 384, 0, 4, 4, 0),
    ("fc2", "Dense", 4420, 1210, 5, 8, 2048),
    ("relu2", "QActivation", 192, 0, 8, 8, 0),
    ("fc3", "Dense", 2105, 640, 9, 11, 1024),
    ("relu3", "QActivation", 192, 0, 11, 11, 0),
    ("logits", "Dense", 402, 96, 12, 13, 160),
)


def layers() -> tuple[LayerRow, ...]:
    return tuple(
        LayerRow(
            name=name, kind=kind, module=f"jet3_{name}", shape=(64,), format="fixed<6,1,RND_CONV,SAT>",
            parameters=weights, nonzero=int(weights * 0.8), multiplications=weights, first_stage=first, last_stage=last,
        )
        for name, kind, _, _, first, last, weights in SIZES
    )  # fmt: skip


def measurements() -> tuple[Measurement, ...]:
    found = [figure("AVAILABLE_" + k, v, "jet3", unit="count", tool="target", tool_version="1",
                    source="flows/targets/vu13p_5ns.yaml", line=10)
             for k, v in (("LUT", 1_728_000), ("FF", 3_456_000), ("DSP", 12_288), ("BRAM36", 2_688))]  # fmt: skip
    for name, _, lut, ff, *_ in SIZES:
        srl = lut // 40
        found += [figure("LUT", lut, f"jet3_{name}"), figure("LOGIC_LUT", lut - srl, f"jet3_{name}")]
        found += [figure("SRL", srl, f"jet3_{name}"), figure("FF", ff, f"jet3_{name}")]
        found += [figure("DSP", 0, f"jet3_{name}"), figure("BRAM36", 0, f"jet3_{name}")]
    for name, lut, ff in (("jet3", 14_001, 3_506), ("jet3_stream", 14_420, 4_110)):
        found += [figure("LUT", lut, name, note="not counted: CARRY4 1,912, INV 40"), figure("FF", ff, name)]
        found += [figure("DSP", 0, name), figure("BRAM36", 0, name), figure("CARRY", 1912, name)]
    return tuple(found)


def designs() -> tuple[DesignRow, ...]:
    kernel = (PortRow(name="clk", direction="input", width=1, meaning="clock, rising edge"),
              PortRow(name="x", direction="input", width=96, meaning="16 x fixed<6,1>, element 0 in the low bits"),
              PortRow(name="y", direction="output", width=80, meaning="5 x fixed<16,6>, the logits"))  # fmt: skip
    stream = (*kernel[:1], PortRow(name="s_axis_tvalid", direction="input", width=1), *kernel[1:])
    return (
        DesignRow(name="jet3", role="kernel", latency_cycles=14, ii_cycles=1, ports=kernel,
                  includes="quantized input, four dense layers, relu", source="rtl/bundle.json"),
        DesignRow(name="jet3_stream", role="shell", latency_cycles=16, ii_cycles=1, ports=stream,
                  includes="the kernel, valid and ready, output FIFO", source="rtl/bundle.json"),
    )  # fmt: skip


def stages() -> tuple[StageRun, ...]:
    return (
        StageRun(name="import", status=Status.PASSED, seconds=9.3, peak_mb=812, detail={"keras": 4.1, "hls4ml": 3.7}),
        StageRun(name="emulate", status=Status.PASSED, seconds=14.2, detail={"g++": 13.6}),
        StageRun(name="reference", status=Status.PASSED, seconds=0.62),
        StageRun(name="emit", status=Status.PASSED, seconds=2.4),
        StageRun(name="verify", status=Status.PASSED, seconds=41.0, detail={"verilator": 30.1, "cocotb": 6.2}),
        StageRun(name="synth", status=Status.PASSED, seconds=63.5),
        StageRun(name="route", status=Status.NOT_RUN, reason="no place and route for this part is installed"),
    )


def sample(**changes: object) -> Report:
    """A run in which everything passed but what NOT RUN."""
    report = Report(
        bitwright_version="0.1.0", model="jet3", title="Jet tagger, three hidden layers, 6 bit", target="vu13p_5ns",
        part=PART, clock_ns=5.0, status=Status.PASSED, accuracy=jets(), verification=verification(),
        designs=designs(), layers=layers(), measurements=measurements(), stages=stages(),
        tools=tuple(ToolVersion(name=n, version=v) for n, v in (("hls4ml", "1.3.0"), ("alkaid", "0.8.2"),
                    ("verilator", "5.048"), ("yosys", "0.70"), ("g++", "12.2.0"), ("tensorflow", "2.21.0"))),
        inputs=(InputDigest(name="models/jet3/weights.h5", sha256="3f" * 32),
                InputDigest(name="hls/jet3.yaml", sha256="a7" * 32)),
        warnings=(Warning_(source="synth", message="xcup maps carries to CARRY4; Vivado uses CARRY8"),),
        reproduce=("git checkout v0.1.0", "make fpga MODEL=jet3 TARGET=vu13p_5ns"),
    )  # fmt: skip
    return report.model_copy(update=changes)


MISMATCH = FirstMismatch(
    layer="fc2", element=11, vector=4_711, expected_bits="0000010110110", actual_bits="0000010110111",
    expected=2.84375, actual=2.859375, format="fixed<13,7,TRN,WRAP>", waveform="verify/first_mismatch.vcd",
)  # fmt: skip


def failed() -> Report:
    """A run in which the RTL differs from the reference, whose record wrongly still holds an accuracy."""
    proof = verification()
    bad = pair("reference", "RTL", BULK, status=Status.FAILED, mismatches=1_234, what="fc2", first=MISMATCH)
    pairs = tuple(bad if (p.left, p.right) == ("reference", "RTL") else p for p in proof.pairs)
    proof = proof.model_copy(update={"status": Status.FAILED, "pairs": pairs})
    return sample(status=Status.FAILED, verification=proof)


def fixture_measurements(family: str, part: str = PART) -> tuple[Measurement, ...]:
    name = f"stat_{family}.json"
    return parse_yosys_stat((FIXTURES / name).read_text(), name, part=part, tool_version="0.70")
