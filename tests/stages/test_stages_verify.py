"""A wrong bit anywhere: exit code 3, the first differing layer, element and vector with its bits, no accuracy."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from conftest import Chain
from tiny import bitwright, snapshot, write_hls

from bitwright.cli import main
from bitwright.errors import ToolFailedError
from bitwright.files import read_arrays, read_json, write_arrays, write_json
from bitwright.network import load
from bitwright.network.vectors import input_formats, random_rows
from bitwright.stages import mismatch, verify

pytestmark = [pytest.mark.hls, pytest.mark.simulator, pytest.mark.synth]

FIRST = re.compile(
    r"first: layer '(?P<layer>\w+)', element (?P<element>\d+), vector (?P<vector>\d+): "
    r"expected (?P<expected>[01]+) \(\S+\), got (?P<got>[01]+|\S+ \(not on the grid\)) \(\S+\), u?fixed<\S+>$"
)


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def failed(chain: Chain, result: Result) -> dict[str, Any]:
    """The evidence of a mismatch, after what every mismatch must do was checked."""
    assert result.exit_code == 3, result.output
    assert "error: build: bits differ\n" in result.stderr
    assert f"evidence: {chain.build / 'verify_failed'}" in result.stderr
    assert "ccuracy" not in result.output
    evidence = read_json(chain.build / "verify_failed" / "verify.json")
    assert evidence["status"] == "FAILED"
    assert read_json(chain.build / "verify.error.json")["exit_code"] == 3
    assert read_json(chain.build / "verify" / "verify.json")["status"] == "PASSED", "the earlier result is untouched"
    return evidence


def wrong_pairs(evidence: dict[str, Any]) -> list[str]:
    """Pairs that differ; the bulk comparison is the second of reference and RTL."""
    assert len(evidence["pairs"]) == 7
    return sorted(f"{pair['left']}/{pair['right']}" for pair in evidence["pairs"] if pair["status"] == "FAILED")


def first(result: Result) -> dict[str, str]:
    found = [match.groupdict() for match in map(FIRST.search, result.stderr.splitlines()) if match]
    assert len(found) == 1, result.stderr
    return found[0]


def mutate(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1, path
    path.write_text(text)


# --- the RTL is wrong --------------------------------------------------------------------------


def test_a_wrong_operator_in_the_rtl(chain: Chain) -> None:
    mutate(chain.build / "emit" / "rtl" / "tiny_dense1.sv", r"(= \S.* )-( \S.*;)", r"\1+\2")
    result = invoke("verify", chain.build, "--force")
    evidence = failed(chain, result)
    assert wrong_pairs(evidence) == ["Keras/RTL", "emulation/RTL", "reference/RTL", "reference/RTL"]
    said = first(result)
    network = load(chain.build / "import" / "network.json")
    assert said["layer"] == "relu1", "the first layer that can be seen, not the output"
    x = read_arrays(chain.build / "import" / "vectors.npz")["x"]
    vector, element = int(said["vector"]), int(said["element"])
    layer = network.layer("relu1")
    expected = verify.Reference(network).layers(x[vector : vector + 1], ["relu1"])["relu1"][0, element]
    assert said["expected"] == format(int(expected) & ((1 << layer.result.width) - 1), f"0{layer.result.width}b")
    assert said["got"] != said["expected"]
    wave = chain.build / "verify_failed" / "mismatch.vcd"
    assert "$enddefinitions" in wave.read_text()
    assert evidence["pairs"][-1]["first"]["waveform"] == "mismatch.vcd"
    assert {path.name for path in wave.parent.iterdir()} == {"cocotb.log", "mismatch.vcd", "results.xml", "verify.json"}
    assert "protocol check 'back_to_back' failed" in result.stderr

    result = invoke("report", chain.build)  # no report from an earlier success
    assert result.exit_code == 1
    assert "verify/verify.json, which failed when it was last made" in result.stderr

    done = bitwright(*chain.words())  # the damaged file is made again, and all is as it was
    assert done.returncode == 0, done.stderr
    assert "ran emit in" in done.stdout or "ran emit, " in done.stdout
    assert not (chain.build / "verify.error.json").exists()


def test_an_rtl_that_is_wrong_for_rare_vectors_alone(chain: Chain) -> None:
    """The test vectors agree, the bulk does not: the evidence is of the bulk's vector."""
    network = load(chain.build / "import" / "network.json")
    x = read_arrays(chain.build / "import" / "vectors.npz")["x"]
    seed, bulk = read_json(chain.build / "requests" / "verify.json")["seed"], 30_000
    rows = random_rows(input_formats(network), bulk, np.random.default_rng(seed + 1))
    high = [tuple(row) for row in x[:, 1:].tolist()]
    rare = next(row for row in rows[5000:] if tuple(row[1:].tolist()) not in high and row[0] > 4)
    write_json(chain.build / "requests" / "verify.json", {"seed": seed, "bulk": bulk})
    pattern = (int(rare[2]) & 63) << 6 | int(rare[1]) & 63
    mutate(
        chain.build / "emit" / "rtl" / "tiny.sv",
        r"wire \[5:0\] features_0 = in_data_q\[5:0\];",
        f"wire [5:0] features_0 = (in_data_q[17:6] == 12'd{pattern}) ? 6'h20 : in_data_q[5:0];",
    )
    result = invoke("verify", chain.build)
    evidence = failed(chain, result)
    failing = [pair for pair in evidence["pairs"] if pair["status"] == "FAILED"]
    assert [(pair["left"], pair["right"], pair["vectors"]) for pair in failing] == [("reference", "RTL", bulk)]
    said = first(result)
    assert (said["layer"], said["element"], said["got"]) == ("features", "0", "100000")
    assert tuple(rows[int(said["vector"])][1:].tolist()) == tuple(rare[1:].tolist())
    assert int(said["expected"], 2) == int(rows[int(said["vector"])][0]) & 63
    assert failing[0]["first"]["waveform"] == "mismatch.vcd"
    assert failing[0]["seed"] == seed + 1


def test_a_mismatch_is_not_hidden_by_a_tool_that_fails_afterwards(
    chain: Chain, quick_verify: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ToolFailedError("verilator broke")

    quick_verify()
    monkeypatch.setattr(mismatch, "diagnose_emulation", broken)
    corrupt(chain.build / "emulate" / "emulation.npz", 7)
    result = invoke("verify", chain.build)
    failed(chain, result)
    assert "the first differing layer was not found: verilator broke" in result.stderr
    assert first(result)["layer"] == "logits"


# --- another oracle is wrong -------------------------------------------------------------------


def corrupt(path: Path, row: int, column: int = 1) -> None:
    """One step more in one number."""
    arrays = read_arrays(path)
    y = arrays["y"].copy()
    y[row, column] += 1 if y.dtype.kind == "i" else 2.0**-6
    write_arrays(path, {**arrays, "y": y})


@pytest.mark.parametrize(
    ("file", "wrong"),
    [
        ("reference/reference.npz", ["Keras/reference", "emulation/reference", "reference/RTL"]),
        ("emulate/emulation.npz", ["Keras/emulation", "emulation/RTL", "emulation/reference"]),
        ("import/keras.npz", ["Keras/RTL", "Keras/emulation", "Keras/reference"]),
    ],
)
def test_one_number_of_an_oracle(chain: Chain, quick_verify: Callable[[], None], file: str, wrong: list[str]) -> None:
    quick_verify()
    corrupt(chain.build / file, 137)
    result = invoke("verify", chain.build)
    evidence = failed(chain, result)
    assert wrong_pairs(evidence) == wrong
    said = first(result)
    assert (said["layer"], said["element"], said["vector"]) == ("logits", "1", "137")
    assert int(said["got"], 2) - int(said["expected"], 2) in (1, -1)
    for line in result.stderr.splitlines():
        if " differ on " in line:
            assert " differ on 1 of " in line


def test_the_number_of_a_vector_counts_those_that_float32_cannot_do(
    chain: Chain, quick_verify: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(_network: Any, values: dict[str, Any]) -> tuple[Any, str]:
        rows = np.ones(len(next(iter(values.values()))), dtype=bool)
        rows[:100] = False
        return rows, "100 vectors are left out"

    quick_verify()
    monkeypatch.setattr(verify, "float32_exact", some)
    corrupt(chain.build / "import" / "keras.npz", 137)
    corrupt(chain.build / "import" / "keras.npz", 20)  # not compared
    result = invoke("verify", chain.build)
    failed(chain, result)
    assert first(result)["vector"] == "137"


def test_a_wrong_weight_in_the_hls_project(chain: Chain, quick_verify: Callable[[], None]) -> None:
    """The C++ differs: its trace finds the layer that the wrong weight belongs to."""
    biases = sorted((chain.build / "import" / "hls" / "firmware" / "weights").glob("b*.txt"))
    mutate(biases[0], r"^\s*-?[\d.]+", "0.0625")
    assert invoke("emulate", chain.build, "--force").exit_code == 0
    quick_verify()
    result = invoke("verify", chain.build)
    evidence = failed(chain, result)
    assert wrong_pairs(evidence) == ["Keras/emulation", "emulation/RTL", "emulation/reference"]
    assert first(result)["layer"] == "dense1"
    assert first(result)["element"] == "0"
    assert (chain.build / "verify_failed" / "mismatch.vcd").is_file()


def test_a_type_too_narrow_for_the_sums_of_a_layer(chain: Chain) -> None:
    """Keras alone differs; the layer that rounds is named, not the output where that shows."""
    write_hls(chain.model.parent, "fixed<6,3,RND_CONV,SAT>", dense1="fixed<7,4,TRN,WRAP>")
    result = invoke(*chain.words("--bulk", "1000"))
    assert result.exit_code == 3, result.output
    evidence = read_json(chain.build / "verify_failed" / "verify.json")
    assert wrong_pairs(evidence) == ["Keras/RTL", "Keras/emulation", "Keras/reference"]
    said = first(result)
    assert said["layer"] == "dense1"
    files = {path.name for path in (chain.build / "verify_failed").iterdir()}
    assert files == {"cocotb.log", "mismatch.vcd", "results.xml", "verify.json"}


def test_nothing_changes_in_a_build_that_agrees(chain: Chain, quick_verify: Callable[[], None]) -> None:
    quick_verify()
    before = snapshot(chain.build)
    result = invoke("verify", chain.build, "--force")
    assert result.exit_code == 0, result.output
    after = snapshot(chain.build)
    assert read_json(chain.build / "verify" / "verify.json")["status"] == "PASSED"
    assert set(before) == set(after)


@pytest.mark.parametrize(("ii", "vectors"), [
    (1, 1_000_000), (4, 1_000_000), (784, 5_102), (8_000, 500), (18_272, 500), (65_536, 183), (262_144, 45),
    (100_000_000, 1),
])  # fmt: skip
def test_bulk_vectors_follow_the_interval_and_never_reach_none(ii: int, vectors: int) -> None:
    """The clocks stay within reason: 4 million, or 12 million where that would be fewer than 500 vectors."""
    assert verify.bulk_vectors(ii) == vectors
