"""How hls4ml finds the backend, and what that loads."""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from plugin import ROOT, call

import bitwright.hls4ml_backend

SHOW = (
    "import json, sys, hls4ml; from hls4ml.backends import get_available_backends, get_backend; "
    "print(json.dumps([get_available_backends(), type(get_backend('Bitwright')).__name__, sorted(sys.modules)]))"
)


@pytest.mark.hls
@pytest.mark.parametrize("variable", ["", "bitwright.hls4ml_backend"])
def test_hls4ml_finds_the_entry_point_of_pyproject(tmp_path: Path, variable: str) -> None:
    printed = call(tmp_path, "-c", SHOW, HLS4ML_BACKEND_PLUGINS=variable)
    assert "WARNING" not in printed, "found twice, registered once"
    backends, kind, modules = json.loads(printed.splitlines()[-1])
    assert (backends[-1], kind) == ("bitwright", "BitwrightBackend")
    assert not {"tensorflow", "keras", "tf_keras", "qkeras", "alkaid", "cocotb", "numba"} & set(modules)


@pytest.mark.hls
def test_either_order_of_hls4mls_modules_works(tmp_path: Path) -> None:
    printed = call(tmp_path, "-c", f"import hls4ml.model.graph; {SHOW}")
    assert "WARNING" not in printed
    assert "bitwright" in json.loads(printed.splitlines()[-1])[0]


def test_the_entry_point_names_the_function() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ((name, value),) = project["entry-points"]["hls4ml.backends"].items()
    assert EntryPoint(name, value, "hls4ml.backends").load() is bitwright.hls4ml_backend.register
