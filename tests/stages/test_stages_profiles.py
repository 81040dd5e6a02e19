"""flows/profiles: every one is a dry run that plans all stages; the generic one is run, through its submit script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import Chain
from tiny import ROOT, bitwright, write_zoo

from bitwright.config import load_model, load_target
from bitwright.errors import UsageError
from bitwright.stages.flow import find_profile
from bitwright.stages.job import DEFAULT_TARGET, prepare
from bitwright.stages.table import STAGES

PROFILES = ROOT / "flows" / "profiles"
PLUGINS = {
    "local": "snakemake",
    "generic": "snakemake_executor_plugin_cluster_generic",
    "slurm": "snakemake_executor_plugin_slurm",
    "kubernetes": "snakemake_executor_plugin_cluster_generic",
}


def test_every_profile_is_known_here() -> None:
    assert {path.parent.name for path in PROFILES.glob("*/config.yaml")} == set(PLUGINS)
    stages = {stage.name for stage in STAGES}
    for path in PROFILES.glob("*/config.yaml"):
        assert set(yaml.safe_load(path.read_text()).get("set-resources", {})) <= stages


@pytest.mark.parametrize("name", PLUGINS)
def test_a_dry_run_plans_all_stages(name: str, tmp_path: Path) -> None:
    pytest.importorskip(PLUGINS[name], reason=f"needs {PLUGINS[name]}")
    model = write_zoo(tmp_path / "tiny")
    job = prepare(load_model(model), load_target(DEFAULT_TARGET), tmp_path / "build", ["make"], [model])
    argv = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "flows" / "Snakefile"), "--directory",
            str(job.folder), "--profile", str(PROFILES / name), "--dry-run"]  # fmt: skip
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout + done.stderr
    for stage in STAGES:
        assert f"rule {stage.name}:" in said
    if name in ("slurm", "kubernetes"):
        assert "mem_mb=8000" in said, "of verify and synth"


def test_a_profile_is_a_name_or_a_folder(tmp_path: Path) -> None:
    assert find_profile("slurm", ROOT) == PROFILES / "slurm"
    (tmp_path / "config.yaml").write_text("executor: local\n")
    assert find_profile(str(tmp_path), ROOT) == tmp_path
    with pytest.raises(UsageError) as caught:
        find_profile("slrum", ROOT)
    assert "did you mean 'slurm'?" in caught.value.hint
    assert bitwright("run", "jet3", "--profile", "slrum").returncode == 2


@pytest.mark.hls
@pytest.mark.simulator
@pytest.mark.synth
@pytest.mark.slow
def test_a_stage_through_a_submit_command(chain: Chain, tmp_path: Path) -> None:
    """The report is made by a job script that the submit command started, not by this workflow's own process."""
    pytest.importorskip(PLUGINS["generic"], reason=f"needs {PLUGINS['generic']}")
    (chain.build / "report" / "report.md").write_text("damaged")
    log = tmp_path / "submitted"
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_bytes((PROFILES / "generic" / "config.yaml").read_bytes())
    submit = profile / "submit"
    submit.write_text(f'#!/bin/sh\necho "$1" >> {log}\nexec {PROFILES / "generic" / "submit"} "$1"\n')
    submit.chmod(0o755)
    done = bitwright(*chain.words("--profile", str(profile)), env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "ran report" in done.stdout
    assert len(log.read_text().splitlines()) == 1
    assert (chain.build / "report" / "report.md").read_text() != "damaged"


# --- Kubernetes --------------------------------------------------------------------------------

KUBECTL = """#!{python}
import os, subprocess, sys, pathlib, yaml
verb, jobs = sys.argv[1], pathlib.Path(os.environ["FAKE_JOBS"])
if verb == "create":
    made = yaml.safe_load(sys.stdin)
    stage = made["spec"]["template"]["spec"]["containers"][0]
    (jobs / (made["metadata"]["name"] + ".yaml")).write_text(yaml.safe_dump(made))
    env = {{k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "PYTHONPATH", "FAKE_JOBS")}}
    env.update({{each["name"]: each["value"] for each in stage["env"]}})
    code = subprocess.run(stage["command"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    (jobs / made["metadata"]["name"]).write_text("found 1 " if code == 0 else "found  1")
elif verb == "get" and (jobs / sys.argv[3]).exists():
    print((jobs / sys.argv[3]).read_text(), end="")
"""


@pytest.fixture
def cluster(tmp_path: Path) -> dict[str, str]:
    """A kubectl that runs a Job's command here, in an environment of its own, as a pod would."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "jobs").mkdir()
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.write_text(KUBECTL.format(python=sys.executable))
    kubectl.chmod(0o755)
    return {
        **os.environ, "PATH": f"{kubectl.parent}:{os.environ['PATH']}", "FAKE_JOBS": str(tmp_path / "jobs"),
        "BITWRIGHT_K8S_IMAGE": "image:1", "BITWRIGHT_K8S_CLAIM": "claim", "BITWRIGHT_K8S_MOUNT": "/shared",
    }  # fmt: skip


def script(name: str, *words: object, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    argv = [str(PROFILES / "kubernetes" / name), *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=env)


def test_a_job_of_kubernetes(cluster: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text(
        f'echo "$BITWRIGHT_IN_WORKFLOW" > {tmp_path}/said\nexit "$(cat {tmp_path}/code)"\n'
    )
    for code, state in ((0, "success"), (3, "failed")):
        (tmp_path / "code").write_text(str(code))
        job = script("submit", 4000, tmp_path / "job.sh", env=cluster).stdout.strip()
        assert script("status", job, env=cluster).stdout.strip() == state
    assert (tmp_path / "said").read_text().strip() == "profile"
    made = yaml.safe_load((tmp_path / "jobs" / f"{job}.yaml").read_text())
    pod = made["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"] == {"memory": "4000Mi"}
    assert pod["containers"][0]["volumeMounts"] == [{"name": "shared", "mountPath": "/shared"}]
    assert pod["volumes"] == [{"name": "shared", "persistentVolumeClaim": {"claimName": "claim"}}]
    (tmp_path / "jobs" / job).write_text("found  ")
    assert script("status", job, env=cluster).stdout.strip() == "running"
    (tmp_path / "jobs" / job).unlink()
    assert script("status", job, env=cluster).stdout.strip() == "failed", "a Job that is gone"
    assert script("cancel", job, env=cluster).returncode == 0


def test_kubernetes_says_what_is_not_set(cluster: dict[str, str], tmp_path: Path) -> None:
    done = script("submit", 4000, tmp_path / "job.sh", env={**cluster, "BITWRIGHT_K8S_CLAIM": ""})
    assert done.returncode == 2
    assert "BITWRIGHT_K8S_CLAIM is not set" in done.stderr


@pytest.mark.hls
@pytest.mark.simulator
@pytest.mark.synth
@pytest.mark.slow
def test_a_stage_as_a_job_of_kubernetes(chain: Chain, cluster: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip(PLUGINS["kubernetes"], reason=f"needs {PLUGINS['kubernetes']}")
    (chain.build / "report" / "report.md").write_text("damaged")
    done = bitwright(*chain.words("--profile", "kubernetes"), env=cluster)
    assert done.returncode == 0, done.stderr
    assert "ran report" in done.stdout
    assert len(list((tmp_path / "jobs").glob("*.yaml"))) == 1
