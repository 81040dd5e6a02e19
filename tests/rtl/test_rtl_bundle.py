"""The emitted bundle: clean SystemVerilog, the same bytes everywhere, and a bundle.json that tells the truth."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import networks
import pytest
from networks import Draft

from bitwright.config import TargetConfig
from bitwright.errors import BitwrightError
from bitwright.fixed import parse_format
from bitwright.network import Network
from bitwright.network.layers import Dense
from bitwright.rtl.bundle import Bundle, PortInfo, load_bundle
from bitwright.rtl.emit import emit
from bitwright.rtl.kernel import build
from bitwright.rtl.lint import diagnostics, lint
from bitwright.rtl.partition import is_engine

EVERY = {network.name: network for network in networks.every_kind()}
FOLDED = {network.name: network for network in networks.folded_networks()}
GOLDEN = Path(__file__).parent / "golden"
UPDATE = "BITWRIGHT_UPDATE_GOLDEN"


def emitted(network: Network, target: TargetConfig, folder: Path) -> Bundle:
    folder.mkdir(parents=True, exist_ok=True)
    return emit(network, target, folder)


@pytest.mark.parametrize("network", EVERY.values(), ids=EVERY.keys())
def test_pyslang_finds_nothing(network: Network, target: TargetConfig, tmp_path: Path) -> None:
    bundle = emitted(network, target, tmp_path / "out")
    lint([tmp_path / "out" / file for file in bundle.files], bundle.shell.module)


@pytest.mark.parametrize("network", FOLDED.values(), ids=FOLDED.keys())
def test_pyslang_finds_nothing_in_engines(network: Network, target: TargetConfig, tmp_path: Path) -> None:
    bundle = emitted(network, target, tmp_path / "out")
    lint([tmp_path / "out" / file for file in bundle.files], bundle.shell.module)
    assert bundle.memory_files


def test_layers_that_nothing_reads_beside_engines(target: TargetConfig, tmp_path: Path) -> None:
    """They are left out, as a kernel leaves them out; what only they read stays a port."""
    network = FOLDED["dead_folded"]
    bundle = emitted(network, target, tmp_path / "out")
    kept = {layer for module in bundle.modules for layer in module.layers}
    assert kept == {layer.name for layer in network.layers if isinstance(layer, Dense)}
    assert {element.layer for element in bundle.shell.input.elements} == {layer.name for layer in network.inputs}


def test_pyslang_would_find_something(target: TargetConfig, tmp_path: Path) -> None:
    bundle = emitted(EVERY["mlp"], target, tmp_path / "out")
    files = [tmp_path / "out" / file for file in bundle.files]
    kernel = next(file for file in files if file.stem == bundle.kernel.module)
    kernel.write_text(kernel.read_text().replace("wire [", "wire [1+", 1))
    assert diagnostics(files, bundle.shell.module)
    kernel.write_text(kernel.read_text().replace("endmodule", ""))
    with pytest.raises(BitwrightError, match="the emitted SystemVerilog is not clean"):
        lint(files, bundle.shell.module)


EMIT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from networks import every_kind
from bitwright.config import load_target
from bitwright.rtl.emit import emit
for network in every_kind():
    out = Path(sys.argv[2]) / network.name
    out.mkdir(parents=True)
    emit(network, load_target(Path(sys.argv[3])), out)
"""


def test_the_bytes_do_not_depend_on_the_process(tmp_path: Path) -> None:
    """Other hash seed, other folder, other working directory: the same bytes in every file."""
    root = Path(__file__).parents[2]
    for seed in ("0", "4711"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        argv = [sys.executable, "-c", EMIT, str(root / "tests"), str(tmp_path / seed)]
        where = tmp_path / f"cwd{seed}"
        where.mkdir()
        subprocess.run([*argv, str(root / "flows/targets/vu13p_5ns.yaml")], env=env, cwd=where, check=True)
    files = sorted(path.relative_to(tmp_path / "0") for path in (tmp_path / "0").rglob("*") if path.is_file())
    assert len(files) > 8 * len(EVERY)
    for file in files:
        assert (tmp_path / "0" / file).read_bytes() == (tmp_path / "4711" / file).read_bytes(), file


def test_no_file_tells_where_or_when_it_was_made(target: TargetConfig, tmp_path: Path) -> None:
    emitted(EVERY["mlp"], target, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert str(tmp_path) not in text
            assert not re.search(r"\b20\d\d-\d\d-\d\d\b|\d\d:\d\d:\d\d", text), path.name


# --- bundle.json ---------------------------------------------------------------------------------


def check_port(port: PortInfo, expected: list[tuple[str, int, str]], multiple: int) -> None:
    assert [(e.layer, e.index, e.format) for e in port.elements] == expected
    lsb = 0
    for element in port.elements:
        assert element.lsb == lsb
        assert element.width == parse_format(element.format).width
        lsb += element.width
    assert port.width == -(-lsb // multiple) * multiple


@pytest.mark.parametrize("name", ["mlp", "several_outputs", "concats", "constants", "choices"])
def test_ports(name: str, target: TargetConfig, tmp_path: Path) -> None:
    network = EVERY[name]
    bundle = emitted(network, target, tmp_path / "out")
    inputs = [(layer.name, i, str(layer.result)) for layer in network.inputs for i in range(layer.size)]
    layers = network.by_name
    outputs = [(name, i, str(layers[name].result)) for name in network.outputs for i in range(layers[name].size)]
    for top, multiple in ((bundle.kernel, 1), (bundle.shell, 8)):
        check_port(top.input, inputs, multiple)
        check_port(top.output, outputs, multiple)
    texts = {path.stem: path.read_text() for path in (tmp_path / "out" / "rtl").glob("*.sv")}
    for top in (bundle.kernel, bundle.shell):
        for port in (top.input, top.output):
            bits = f"[{port.width - 1}:0] " if port.width > 1 else ""
            assert f"wire {bits}{port.name}" in texts[top.module]


@pytest.mark.parametrize("network", EVERY.values(), ids=EVERY.keys())
def test_timing(network: Network, target: TargetConfig, tmp_path: Path) -> None:
    bundle = emitted(network, target, tmp_path / "out")
    assert all(0 <= m.first_stage <= m.last_stage for m in bundle.modules)
    if bundle.streams:
        assert bundle.kernel == bundle.shell
        engines = [layer for layer in network.layers if is_engine(network, layer)]
        assert engines
        if all(isinstance(layer, Dense) for layer in engines):
            factors = [layer.reuse_factor for layer in engines if isinstance(layer, Dense)]
            assert bundle.shell.ii == max(factors)
            assert bundle.shell.latency > sum(factors[:1])
        return
    kernel = build(network, target.depth_per_stage)
    assert bundle.kernel.latency == kernel.stages + 1
    assert bundle.shell.latency == bundle.kernel.latency + 1
    assert bundle.kernel.ii == bundle.shell.ii == 1
    assert bundle.capacity >= bundle.kernel.latency, "the FIFO holds all that is in the pipeline"
    assert all(m.last_stage < kernel.stages for m in bundle.modules)


def test_files_and_digests(target: TargetConfig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    bundle = emitted(EVERY["mlp"], target, out)
    assert load_bundle(out / "bundle.json") == bundle
    present = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()} - {"bundle.json"}
    assert set(bundle.digests) == present
    assert set(bundle.files) <= present
    for name, digest in bundle.digests.items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert {f"{bundle.name}.xdc", f"{bundle.name}.sdc", "vivado.tcl"} <= present
    assert {module.file for module in bundle.modules} <= set(bundle.files)
    assert bundle.files[-1] == f"rtl/{bundle.shell.module}.sv", "the top comes last"
    assert bundle.memory_files == ()
    assert bundle.part == target.part
    assert bundle.clock_ns == target.clock_ns


def test_every_layer_of_the_model_is_in_a_module(target: TargetConfig, tmp_path: Path) -> None:
    bundle = emitted(EVERY["mlp"], target, tmp_path / "out")
    named = [layer for module in bundle.modules for layer in module.layers]
    assert sorted(named) == sorted(layer.name for layer in EVERY["mlp"].layers if layer.name != "x0")
    assert all(module.name == "mlp" or module.name.startswith("mlp_") for module in bundle.modules)
    assert bundle.modules[0].estimated_lut > 0


def test_probes_show_the_layers(target: TargetConfig, tmp_path: Path) -> None:
    bundle = emitted(EVERY["constants"], target, tmp_path / "out")
    assert all(probe.net is None and probe.constant is not None for probe in bundle.probes["relu3"])
    assert [bool(probe.net) for probe in bundle.probes["x0"]] == [True, False], "the second input is not read"
    text = (tmp_path / "out" / "rtl" / "constants.sv").read_text()
    for probes in bundle.probes.values():
        assert all(re.search(rf"\b{probe.net}\b", text) for probe in probes if probe.net)


def test_a_port_of_one_bit(target: TargetConfig, tmp_path: Path) -> None:
    draft = Draft("one_bit_port")
    draft.cast(draft.input(1, "ufixed<1,1>"), "ufixed<1,1>")
    bundle = emitted(draft.network(), target, tmp_path / "out")
    lint([tmp_path / "out" / file for file in bundle.files], bundle.shell.module)
    assert (bundle.kernel.input.width, bundle.shell.input.width) == (1, 8)


def test_odd_layer_names_give_clean_modules(target: TargetConfig, tmp_path: Path) -> None:
    names = {"x0": "in/put:0", "cast1": "table_0", "dense2": "v1", "relu3": "clk", "dense4": "Module", "dense6": "end;"}
    layers = tuple(
        dataclasses.replace(
            layer, name=names.get(layer.name, layer.name), sources=tuple(names.get(s, s) for s in layer.sources)
        )
        for layer in EVERY["mlp"].layers
    )
    bundle = emitted(Network("Odd-Model 2", layers, ("end;",)), target, tmp_path / "out")
    lint([tmp_path / "out" / file for file in bundle.files], bundle.shell.module)
    assert bundle.name == "odd_model_2"
    assert "odd_model_2_v1" in {module.name for module in bundle.modules}


# --- golden --------------------------------------------------------------------------------------


def golden_network() -> Network:
    """Two inputs, one neuron, a relu and a table: few enough operations to read."""
    draft = Draft("golden")
    x = draft.input(2, "fixed<3,2>")
    dense = draft.dense(x, 1, raw=[3, -2], raw_bias=[1], weight="fixed<3,3>", bias="fixed<2,1>", accum="fixed<8,6>",
                        result="fixed<8,6>")  # fmt: skip
    relu = draft.relu(dense, "ufixed<3,2,RND,SAT>")
    return draft.network(relu, draft.hard_max(x, "ufixed<1,1>"))


@pytest.mark.parametrize("file", ["golden.sv", "golden_dense1.sv", "golden_hard3.sv", "golden_stream.sv"])
def test_golden_text(file: str, target: TargetConfig, tmp_path: Path) -> None:
    """A change of the emitted text is seen and meant; after such a change run once with the variable set."""
    emitted(golden_network(), target, tmp_path / "out")
    text = (tmp_path / "out" / "rtl" / file).read_text()
    if os.environ.get(UPDATE):
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / file).write_text(text)
    assert text == (GOLDEN / file).read_text(), f"set {UPDATE}=1 to accept the new text"
