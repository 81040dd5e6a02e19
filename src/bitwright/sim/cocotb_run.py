"""Run a cocotb bench on a Verilator build, and read its results."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from xml.etree.ElementTree import Element

import find_libpython
from defusedxml import ElementTree

from bitwright.eda import process
from bitwright.errors import ToolFailedError
from bitwright.report.records import ProtocolCheck, Status
from bitwright.sim.verilator import environment


def run_bench(
    executable: Path,
    top: str,
    module: str,
    folder: Path,
    *,
    seed: int = 1,
    python_path: Path | None = None,
    timeout_s: float = 1800,
) -> tuple[ProtocolCheck, ...]:
    """Run the tests of a cocotb module; one check each.

    Args:
        executable: of :func:`bitwright.sim.verilator.build` or ``build_block``.
        top: the top module.
        module: importable name of the bench.
        folder: where the bench reads and writes.
        seed: of cocotb's random numbers.
        python_path: folder put first on the bench's import path.
        timeout_s: limit in seconds.

    Raises:
        ToolFailedError: the simulator died, or wrote no results.
    """
    results = folder / "results.xml"
    results.unlink(missing_ok=True)
    run = process.run(
        [str(executable)], cwd=folder, log=folder / "cocotb.log", timeout_s=timeout_s, tool="cocotb", version="",
        env=_environment(top, module, folder, results, seed, python_path), what="running the cocotb bench",
        check=False,
    )  # fmt: skip
    if not results.is_file():
        raise ToolFailedError(
            f"the simulation ended with code {run.exit_code} and left no results",
            where=str(run.log),
            hint="see its log",
        )
    checks = read_results(results)
    if not checks:
        raise ToolFailedError("the bench ran no test", where=str(results), hint="see cocotb.log beside it")
    return checks


def _environment(
    top: str, module: str, folder: Path, results: Path, seed: int, python_path: Path | None
) -> dict[str, str]:
    import cocotb_tools.config

    path = [str(python_path)] if python_path else []
    return {
        **environment(),
        "PATH": f"{environment()['PATH']}{os.pathsep}{cocotb_tools.config.libs_dir}",
        "PYTHONPATH": os.pathsep.join(path + [p for p in sys.path if p]),
        "PYGPI_PYTHON_BIN": sys.executable,
        "LIBPYTHON_LOC": find_libpython.find_libpython() or "",
        "GPI_USERS": _gpi_users(),
        "COCOTB_TEST_FILTER": "",  # whatever the user's shell says: every test runs
        "COCOTB_TESTCASE": "",
        "COCOTB_TOPLEVEL": top,
        "COCOTB_TEST_MODULES": module,
        "COCOTB_RESULTS_FILE": str(results),
        "COCOTB_RANDOM_SEED": str(seed),
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "COCOTB_ANSI_OUTPUT": "0",
        "TOPLEVEL_LANG": "verilog",
        "BITWRIGHT_BENCH": str(folder),
    }


def _gpi_users() -> str:
    import cocotb_tools.config

    return f"{find_libpython.find_libpython()};{cocotb_tools.config.pygpi_entry_point()}"


def read_results(path: Path) -> tuple[ProtocolCheck, ...]:
    """The checks of a cocotb results.xml (JUnit)."""
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, ValueError) as error:
        raise ToolFailedError(
            f"results are not XML ({error})", where=str(path), hint="the simulation was killed"
        ) from error
    return tuple(_check(case) for case in root.iter("testcase")) if root is not None else ()


def _check(case: Element) -> ProtocolCheck:
    failure = next((child for child in case if child.tag in ("failure", "error")), None)
    skipped = any(child.tag == "skipped" for child in case)
    status = Status.FAILED if failure is not None else Status.NOT_RUN if skipped else Status.PASSED
    detail = "" if failure is None else (failure.get("message") or failure.get("error_msg") or failure.text or "")
    return ProtocolCheck(
        name=case.get("name", "?"),
        status=status,
        seconds=round(float(case.get("time", 0)), 3),
        detail=detail.strip()[:500],
    )
