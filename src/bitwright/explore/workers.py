"""Several workers on one search, here or on a cluster, through ``flows/explore.smk`` and a profile."""

from __future__ import annotations

import sys
from pathlib import Path

from bitwright.eda import process
from bitwright.errors import BitwrightError, UsageError
from bitwright.stages import flow

SNAKEFILE = "explore.smk"


def worker_argv(folder: Path, root: Path, workers: int, profile: Path | None) -> list[str]:
    """The command that starts the workers and waits for them.

    Raises:
        UsageError: no ``flows/explore.smk``.
    """
    snakefile = root / "flows" / SNAKEFILE
    if not snakefile.is_file():
        raise UsageError(f"no flows/{SNAKEFILE} here", where=str(root), hint="go to the repository")
    return [
        sys.executable, "-m", "snakemake", "--snakefile", str(snakefile.resolve()), "--directory",
        str(folder.resolve()), *flow.resources(workers, profile), "--quiet", "all", "--forceall", "--config",
        f"workers={workers}",
    ]  # fmt: skip


def run_workers(folder: Path, root: Path, workers: int, profile: Path | None) -> None:
    """Let the workers search until the budget of the request in ``folder`` is spent.

    Raises:
        UsageError: no ``flows/explore.smk``.  BitwrightError: a worker failed.
    """
    argv = worker_argv(folder, root, workers, profile)
    code = process.attached(argv, cwd=root, tool="snakemake", env=flow.environment(profile))
    if code != 0:
        hint = "its messages stand above; run again to go on: nothing that was evaluated is lost"
        raise BitwrightError(f"a worker ended with an error ({code})", where=str(folder), hint=hint)
