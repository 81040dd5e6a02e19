"""Run a script in a process that sees our entry point as an installed package would show it to hls4ml."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def metadata(folder: Path) -> Path:
    """A distribution's metadata with the entry points of pyproject.toml; the folder that goes on the path."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [line for group, points in groups for line in (f"[{group}]", *(f"{k} = {v}" for k, v in points.items()))]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def call(folder: Path, *argv: str | Path, **env: str) -> str:
    """Run Python in ``folder``, with our metadata first on its path; its output."""
    path = [str(metadata(folder / "site")), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, *map(str, argv)], cwd=folder, env={**known, **env}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def results(folder: Path, script: str, **env: str) -> dict[str, Any]:
    """Run a script of this folder; what it left in ``results.json``."""
    call(folder, Path(__file__).parent / script, **env)
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found
