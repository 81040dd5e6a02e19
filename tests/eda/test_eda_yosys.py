"""The Yosys driver: golden scripts, a fake Yosys that misbehaves, and (marked) the real one."""

from __future__ import annotations

import json
import random
import stat
from pathlib import Path

import pytest

from bitwright.eda import yosys, yosys_script
from bitwright.eda.tools import YosysTool
from bitwright.eda.yosys import ModuleJob, Needs, SynthOptions, synthesize
from bitwright.errors import ConfigError, ToolFailedError

GOLDEN = Path(__file__).parent / "golden"
ADDER = "module adder(input clk, input [7:0] a, b, output reg [8:0] y); always @(posedge clk) y <= a + b; endmodule\n"
ROM = """module rom #(parameter TABLE = "w.mem") (input [5:0] a, output [7:0] y);
reg [7:0] m [0:63]; initial $readmemh(TABLE, m); assign y = m[a];
endmodule
"""
GOOD = """cat > netlist.v < synth.ys
cat > stat.json << 'END'
{"modules": {"\\\\adder": {"num_cells_by_type": {"LUT2": 9, "FDRE": 9}}}}
END
echo '{"modules": {}}' > netlist.json
echo "Warning: first"; echo "src/adder.v:1: Warning: second"; echo "Warning: first"; echo "not a Warning: x"
echo run >> "$COUNT"
"""


def fake_yosys(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> YosysTool:
    path = folder / "fake_yosys"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("COUNT", str(folder / "count"))
    return YosysTool((str(path),), "9.9", wheel=False)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def adder(tmp_path: Path) -> ModuleJob:
    return ModuleJob("adder", (write(tmp_path, "adder.v", ADDER),), "adder")


# ---------------------------------------------------------------- scripts


@pytest.mark.parametrize(
    ("name", "family", "options", "needs"),
    [
        ("xcup_adders", "xcup", SynthOptions(), Needs(memories=False, multipliers=False)),
        ("xcu_everything", "xcu", SynthOptions(), Needs()),
        ("xc7_stock_plain", "xc7", SynthOptions(recipe="stock", dsp=False, bram=False), Needs()),
        ("xcup_no_srl", "xcup", SynthOptions(srl=False), Needs()),
        ("ecp5", "ecp5", SynthOptions(dsp=False), Needs()),
        ("ice40", "ice40", SynthOptions(), Needs()),
        ("gowin", "gowin", SynthOptions(bram=False), Needs()),
    ],
)
def test_golden_scripts(name: str, family: str, options: SynthOptions, needs: Needs) -> None:
    text = yosys.script("dense_1", family, ["src/dense_1.v", "src/adder.v"], ["ports/relu.v"], options, needs)
    assert text == (GOLDEN / f"{name}.ys").read_text()


@pytest.mark.parametrize(
    ("text", "memories", "multipliers"),
    [
        ("wire [3:0] y = a + b; // a * b, mem [0:3]", False, False),
        ("always @(*) y = a; always @* z = (* keep *) b; /* x * y\n */", False, False),
        ("assign y = a*b;", False, True),
        ("assign y = a ** 2;", False, True),
        ("reg [7:0] mem [0:3];", True, False),
        ("reg [7:0] mem_q[0:(1 << ADDR)-1];", True, False),
        ("logic flags [16];", True, False),
        ("case (a) 1: y = 2; endcase", True, False),
        ("function casement; wire [7:0] a; assign y = {a[1:0], b[3]};", False, False),
    ],
)
def test_what_sources_need(tmp_path: Path, text: str, memories: bool, multipliers: bool) -> None:
    job = ModuleJob("m", (write(tmp_path, "m.v", text),), "m")
    assert yosys.needs(job) == Needs(memories, multipliers)


def test_an_unknown_family_names_the_nearest(adder: ModuleJob, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'xcup'") as caught:
        synthesize([adder], family="xcupp", out=tmp_path / "o", tool=YosysTool(("x",), "1", wheel=False))
    assert "known: xcup, xcu, xc7, ecp5" in caught.value.hint


def test_a_top_that_is_no_name_cannot_reach_the_script(adder: ModuleJob, tmp_path: Path) -> None:
    job = ModuleJob("x", adder.sources, "adder; shell rm")
    with pytest.raises(ConfigError, match="is not a module name"):
        synthesize([job], family="xcup", out=tmp_path / "o", tool=YosysTool(("x",), "1", wheel=False))


# ---------------------------------------------------------------- a fake Yosys


def run_fake(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch, *jobs: ModuleJob, **options: object
) -> tuple[yosys.ModuleResult, ...]:
    tool = fake_yosys(tmp_path, text, monkeypatch)
    return synthesize(jobs, family="xcup", out=tmp_path / "out", tool=tool, **options)  # type: ignore[arg-type]


def test_a_good_run(tmp_path: Path, adder: ModuleJob, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, int, int]] = []
    (result,) = run_fake(tmp_path, GOOD, monkeypatch, adder, progress=lambda *words: said.append(words))
    assert result.cells == {"FDRE": 9, "LUT2": 9}
    assert result.warnings == ("Warning: first", "src/adder.v:1: Warning: second")
    assert result.run.version == "9.9"
    assert result.run.log == tmp_path / "out" / "adder.log"
    assert not result.reused
    assert (result.folder / "src" / "adder.v").read_text() == ADDER
    assert not (result.folder / "tmp").exists()
    assert said[0] == ("adder: synthesis", 0, 1)
    assert said[-1][1:] == (1, 1)


def test_an_unchanged_module_is_not_synthesized_again(
    tmp_path: Path, adder: ModuleJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = run_fake(tmp_path, GOOD, monkeypatch, adder)
    (second,) = run_fake(tmp_path, GOOD, monkeypatch, adder)
    assert second.reused
    assert (second.cells, second.warnings, second.run.argv) == (first.cells, first.warnings, first.run.argv)
    adder.sources[0].write_text(ADDER + "// changed\n")
    (third,) = run_fake(tmp_path, GOOD, monkeypatch, adder)
    (fourth,) = run_fake(tmp_path, GOOD, monkeypatch, adder, options=SynthOptions(recipe="stock"))
    assert not third.reused
    assert not fourth.reused
    assert (tmp_path / "count").read_text().count("run") == 3


def test_results_keep_their_order_and_the_longest_starts_first(
    tmp_path: Path, adder: ModuleJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = ModuleJob("long", (write(tmp_path, "long.v", ADDER + "// " + "x" * 999),), "adder")
    said: list[str] = []
    results = run_fake(tmp_path, GOOD, monkeypatch, adder, long, workers=1, progress=lambda t, _d, _n: said.append(t))
    assert [result.name for result in results] == ["adder", "long"]
    assert said[0] == "long: synthesis"


def test_files_of_odd_and_equal_names_are_copied_under_safe_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = (write(tmp_path / "a b", "x;y.v", ADDER), write(tmp_path / "c", "x_y.v", "// other\n"))
    (result,) = run_fake(tmp_path, GOOD, monkeypatch, ModuleJob("m", files, "adder"))
    assert (result.folder / "src" / "x_y.v").read_text() == ADDER
    assert (result.folder / "src" / "x_y_2.v").read_text() == "// other\n"
    script = result.script.read_text()
    assert "read_verilog -sv src/x_y.v\nread_verilog -sv src/x_y_2.v\n" in script
    assert str(tmp_path) not in script


def test_the_error_is_yosys_own(tmp_path: Path, adder: ModuleJob, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'echo "1. Executing"; echo "ERROR: Module \\`foo not found"; exit 1'
    with pytest.raises(ToolFailedError) as caught:
        run_fake(tmp_path, text, monkeypatch, adder)
    assert caught.value.what == "Yosys stopped during synthesis of adder: ERROR: Module `foo not found"
    assert Path(caught.value.where).read_text().startswith("1. Executing")
    assert not (tmp_path / "out" / "adder").exists()


def test_logs_can_outlive_the_results(tmp_path: Path, adder: ModuleJob, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolFailedError) as caught:
        run_fake(tmp_path, "echo why; exit 1", monkeypatch, adder, logs=tmp_path / "logs")
    assert caught.value.where == str(tmp_path / "logs" / "adder.log")
    assert (tmp_path / "logs" / "adder.log").read_text() == "why\n"
    (result,) = run_fake(tmp_path, GOOD, monkeypatch, adder, logs=tmp_path / "logs")
    assert result.run.log.is_file()


def test_the_wheel_compiles_itself_once_before_the_modules_start(
    tmp_path: Path, adder: ModuleJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fake_yosys(tmp_path, f'if [ "$1" = -V ]; then echo first >> "$COUNT"; exit 0; fi\n{GOOD}', monkeypatch)
    wheel = YosysTool(path.argv_prefix, "9.9", wheel=True)
    monkeypatch.setattr(yosys, "wheel_is_prepared", lambda: False)
    said: list[str] = []
    synthesize([adder], family="xcup", out=tmp_path / "o", tool=wheel, progress=lambda text, _d, _n: said.append(text))
    assert said[0].startswith("preparing Yosys for this machine")
    assert (tmp_path / "count").read_text() == "first\nrun\n"


def test_a_failure_without_an_error_line_shows_the_log(
    tmp_path: Path, adder: ModuleJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ToolFailedError, match=r"was killed by SIGKILL during synthesis of adder(?s:.*)\| half way"):
        run_fake(tmp_path, "echo half way; kill -9 $$", monkeypatch, adder)


def test_dying_half_way_without_an_exit_code_is_noticed(
    tmp_path: Path, adder: ModuleJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = GOOD.replace("echo '{\"modules\": {}}' > netlist.json", "touch netlist.json")
    with pytest.raises(ToolFailedError, match=r"without an error but did not write netlist\.json"):
        run_fake(tmp_path, text, monkeypatch, adder)
    assert not (tmp_path / "out" / "adder").exists()


def test_a_failure_keeps_the_last_good_result(
    tmp_path: Path, adder: ModuleJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    (good,) = run_fake(tmp_path, GOOD, monkeypatch, adder)
    adder.sources[0].write_text(ADDER + "// changed\n")
    with pytest.raises(ToolFailedError):
        run_fake(tmp_path, "exit 1", monkeypatch, adder)
    assert good.stat.is_file()


def test_one_failure_stops_the_others(tmp_path: Path, adder: ModuleJob, monkeypatch: pytest.MonkeyPatch) -> None:
    other = ModuleJob("other", (write(tmp_path, "other.v", ADDER),), "adder")
    text = 'case "$PWD" in *other*) echo "ERROR: no"; exit 1;; esac; sleep 61'
    with pytest.raises(ToolFailedError, match="synthesis of other: ERROR: no"):
        run_fake(tmp_path, text, monkeypatch, adder, other)


def test_statistics_of_another_module_are_refused(
    tmp_path: Path, adder: ModuleJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = GOOD.replace("adder", "subtracter")
    with pytest.raises(ToolFailedError, match="statistics say nothing about the module adder"):
        run_fake(tmp_path, text, monkeypatch, adder)


@pytest.mark.parametrize(("content", "state"), [(None, "does not exist"), ("", "is empty")])
def test_a_missing_or_empty_memory_file(
    tmp_path: Path, content: str | None, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "w.mem"
    if content is not None:
        memory.write_text(content)
    job = ModuleJob("rom", (write(tmp_path, "rom.v", ROM),), "rom", memory_files=(memory,))
    with pytest.raises(ToolFailedError, match=f"a file that the synthesis of rom needs {state}"):
        run_fake(tmp_path, GOOD, monkeypatch, job)
    assert not (tmp_path / "out" / "rom").exists()


@pytest.mark.parametrize("literal", ["other.mem", "/etc/w.mem", "../w.mem"])
def test_a_memory_file_that_is_not_given(tmp_path: Path, literal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = write(tmp_path, "w.mem", "00\n")
    source = write(tmp_path, "rom.v", ROM.replace("TABLE, m", f'"{literal}", m'))
    with pytest.raises(ToolFailedError, match=f"rom.v loads the memory file '{literal}'"):
        run_fake(tmp_path, GOOD, monkeypatch, ModuleJob("rom", (source,), "rom", memory_files=(memory,)))


def test_a_netlist_without_its_tables_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = write(tmp_path, "w.mem", "00\n")
    source = write(tmp_path, "rom.v", ROM.replace("TABLE, m", '"tables/w.mem", m'))
    text = GOOD.replace("adder", "rom").replace('"LUT2": 9, "FDRE": 9', '"INV": 9')
    with pytest.raises(ToolFailedError, match="has no memory, LUT or register although its sources load memory files"):
        run_fake(tmp_path, text, monkeypatch, ModuleJob("rom", (source,), "rom", memory_files=(memory,)))
    (result,) = run_fake(
        tmp_path, GOOD.replace("adder", "rom"), monkeypatch, ModuleJob("rom", (source,), "rom", memory_files=(memory,))
    )
    assert (result.folder / "tables" / "w.mem").is_file()


# ---------------------------------------------------------------- the real one


@pytest.mark.synth
def test_yosys_synthesizes_modules_with_memories_and_black_boxes(tmp_path: Path) -> None:
    numbers = random.Random(1)
    table = "\n".join(f"{numbers.randrange(256):02x}" for _ in range(64))
    memory = write(tmp_path, "w.mem", table)
    pair = """module pair(input clk, input [5:0] a, output [8:0] y);
    wire [7:0] p; rom rom_a (.a(a), .y(p)); adder sum (.clk(clk), .a(p), .b(~p), .y(y)); endmodule"""
    adder_file, rom_file = write(tmp_path, "adder.v", ADDER), write(tmp_path, "rom.v", ROM)
    jobs = [
        ModuleJob("adder", (adder_file,), "adder"),
        ModuleJob("rom", (rom_file,), "rom", memory_files=(memory,)),
        ModuleJob("pair", (write(tmp_path, "p q.v", pair),), "pair", (memory,), blackboxes=(adder_file, rom_file)),
    ]
    adder, rom, pair_result = synthesize(jobs, family="xcup", out=tmp_path / "out")
    assert adder.cells["FDRE"] == 9
    assert adder.cells["LUT2"] == 8
    assert rom.cells == {"LUT6": 8}
    assert pair_result.cells["adder"] == pair_result.cells["rom"] == 1
    modules = json.loads(pair_result.netlist.read_text())["modules"]
    assert list(modules) == ["pair"]
    assert "module rom" in rom.verilog.read_text()
    text = adder.netlist.read_text() + adder.verilog.read_text() + adder.stat.read_text()
    assert str(tmp_path) not in text


BLOCK_ROM = """module rom(input clk, input [9:0] a, output reg [WIDTH-1:0] y);
reg [WIDTH-1:0] m [0:1023]; initial $readmemh("w.mem", m); always @(posedge clk) y <= m[a];
endmodule
"""


@pytest.mark.synth
@pytest.mark.parametrize(("family", "width"), [("xcup", 18), ("xc7", 36)])
def test_contents_of_block_memories_are_those_of_yosys_own_map(
    tmp_path: Path, family: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Yosys takes brams_defs.vh of the folder it runs in: six times as fast, to the same parameters."""
    numbers = random.Random(width)
    memory = write(tmp_path, "w.mem", "\n".join(f"{numbers.randrange(1 << width):x}" for _ in range(1024)))
    source = write(tmp_path, "rom.v", BLOCK_ROM.replace("WIDTH", str(width)))
    job = ModuleJob("rom", (source,), "rom", (memory,), bram=True)
    (ours,) = synthesize([job], family=family, out=tmp_path / "ours")
    assert "brams_defs.vh" in read_inputs(ours)["texts"]
    monkeypatch.setattr(yosys_script, "_texts", lambda found, options: {"add_to_alu.v": "// not for memories"})
    (stock,) = synthesize([job], family=family, out=tmp_path / "stock", options=SynthOptions(recipe="stock"))
    assert block_memories(ours)
    assert block_memories(ours) == block_memories(stock)


def read_inputs(result: yosys.ModuleResult) -> dict[str, dict[str, str]]:
    return json.loads((result.folder / "inputs.json").read_text())


def block_memories(result: yosys.ModuleResult) -> list[tuple[str, dict[str, str]]]:
    (module,) = json.loads(result.netlist.read_text())["modules"].values()
    cells = [(cell["type"], cell["parameters"]) for cell in module["cells"].values() if "RAMB" in cell["type"]]
    return sorted(cells, key=str)


@pytest.mark.synth
def test_yosys_errors_reach_the_user(tmp_path: Path) -> None:
    job = ModuleJob("bad", (write(tmp_path, "bad.v", "module bad(input a; endmodule"),), "bad")
    with pytest.raises(ToolFailedError, match=r"synthesis of bad: src/bad\.v:1: ERROR"):
        synthesize([job], family="xcup", out=tmp_path / "out")
    job = ModuleJob(
        "two", (write(tmp_path, "two.v", "module two(input a, output y); assign y = a; three t(); endmodule"),), "two"
    )
    with pytest.raises(ToolFailedError, match="three"):
        synthesize([job], family="xcup", out=tmp_path / "out")


@pytest.mark.synth
def test_a_combinational_loop_or_a_double_driver_does_not_pass(tmp_path: Path) -> None:
    text = "module m(input a, b, output y); assign y = a; assign y = b; endmodule"
    with pytest.raises(ToolFailedError, match="problems"):
        synthesize([ModuleJob("m", (write(tmp_path, "m.v", text),), "m")], family="xcup", out=tmp_path / "out")


@pytest.mark.synth
def test_ecp5_and_the_stock_recipe(tmp_path: Path, adder: ModuleJob) -> None:
    (ecp5,) = synthesize([adder], family="ecp5", out=tmp_path / "ecp5")
    assert ecp5.cells["TRELLIS_FF"] == 9
    (xc7,) = synthesize([adder], family="xc7", out=tmp_path / "xc7", options=SynthOptions(recipe="stock"))
    assert xc7.cells["FDRE"] == 9
