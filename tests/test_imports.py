"""What is loaded when: the Keras world and other heavy packages only where they are used."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

KERAS = {"keras", "tf_keras", "tensorflow", "qkeras", "hls4ml"}
HEAVY = KERAS | {"alkaid", "snakemake", "plotly", "sklearn", "pandas"}
LIGHT = HEAVY | {"numpy", "h5py", "pydantic", "yaml", "rich", "cocotb", "pyslang", "jinja2"}
CLI = "import sys; from bitwright.cli import main; main({words!r}, standalone_mode=False)"


def loaded(code: str) -> set[str]:
    """Top-level packages in sys.modules of a fresh Python after ``code``."""
    show = "import json, sys; print(); print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{show}"], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_of_the_package_loads_nothing() -> None:
    assert not loaded("import bitwright") & LIGHT


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["quantize", "--help"]])
def test_help_loads_nothing(words: list[str]) -> None:
    assert not loaded(CLI.format(words=words)) & LIGHT


def test_a_wrong_model_name_is_answered_without_the_keras_world() -> None:
    code = (
        f"try:\n    {CLI.format(words=['run', 'no_such_model'])}\nexcept SystemExit as end:\n    assert end.code == 2"
    )
    assert not loaded(code) & KERAS


@pytest.mark.parametrize(
    "module",
    [
        "bitwright.frontend",
        "bitwright.frontend.modelfile",
        "bitwright.frontend.lower",
        "bitwright.hls4ml_backend",
        "bitwright.quant.folder",
    ],
)
def test_front_end_modules_load_no_keras_by_themselves(module: str) -> None:
    assert not loaded(f"import {module}") & KERAS


def test_stages_load_no_keras() -> None:
    names = "runner, job, table, flow"
    assert not loaded(f"from bitwright.stages import {names}") & KERAS


def test_import_is_quick() -> None:
    code = "import time; t = time.process_time(); import bitwright; print(time.process_time() - t)"
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.3, f"{done.stdout} s of CPU, {time.perf_counter() - started:.2f} s in all"
