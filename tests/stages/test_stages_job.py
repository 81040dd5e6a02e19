"""MODEL and TARGET as users say them, and the requests that decide what runs again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny import ROOT, write_h5, write_hls, write_json, write_rows, write_zoo

from bitwright.config import load_target
from bitwright.errors import ModelError, UsageError
from bitwright.files import read_json
from bitwright.stages.job import Job, find_model, find_target, prepare


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with two models and one target."""
    for name in ("jet3", "tiny"):
        write_zoo(tmp_path / "models" / name)
    (tmp_path / "flows" / "targets").mkdir(parents=True)
    shutil.copyfile(ROOT / "flows" / "targets" / "vu13p_5ns.yaml", tmp_path / "flows" / "targets" / "vu13p_5ns.yaml")
    return tmp_path


def refused(text: str, root: Path, weights: Path | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        find_model(text, root, weights)
    assert caught.value.exit_code == 2
    return caught.value


# --- MODEL -------------------------------------------------------------------------------------


def test_a_name_a_yaml_and_a_file(root: Path) -> None:
    config, origins = find_model("tiny", root)
    assert (config.name, origins) == ("tiny", [root / "models" / "tiny" / "model.yaml"])
    path = root / "models" / "tiny" / "model.yaml"
    assert find_model(str(path), root)[0] == config
    config, origins = find_model(str(root / "models" / "tiny" / "tiny.h5"), root)
    assert (config.name, config.hls, origins) == ("tiny", None, [])


def test_missing(root: Path) -> None:
    error = refused("", root)
    assert error.what == "no MODEL was given"
    assert error.hint == "(models here: jet3, tiny; or give a path to a .h5, .keras, .json, .onnx or model.yaml)"


def test_unknown_lists_and_names_the_nearest(root: Path) -> None:
    error = refused("jte3", root)
    assert error.what == "there is no model 'jte3'"
    assert error.hint.startswith("did you mean 'jet3'? (models here: jet3, tiny;")
    assert "did you mean" not in refused("zzzzzz", root).hint


def test_no_models_folder(tmp_path: Path) -> None:
    assert "there is no models/ folder here" in refused("jet3", tmp_path).hint


@pytest.mark.parametrize(
    "text",
    [
        "../jet3", "../../etc", "models/../jet3", "jet3/", "jet3/..", ".", "..", "/", "~", "a b", "jet3 ", " jet3",
        "'", '"', "jet3'; touch PLANTED; '", "$(touch PLANTED)", "`touch PLANTED`", "jet3; touch PLANTED", "a|b", "a&b",
        "*", "?", "-", "--help", "-o", "\n", "jet3\n", "é", "x" * 300, "x/" * 3000, "%s", "{0}", "\\",
    ],
)  # fmt: skip
def test_names_that_are_none(root: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert refused(text, root).what == f"there is no model '{text}'"
    assert not (root / "PLANTED").exists()


def test_a_file_that_is_no_model(root: Path) -> None:
    (root / "notes.txt").write_text("x")
    error = refused(str(root / "notes.txt"), root)
    assert (error.what, error.hint) == (
        "'notes.txt' is not a model file",
        "give a .h5, .keras, .json, .onnx or a model.yaml",
    )


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("plain.h5", "plain"),
        ("my model's $(x) `y`.h5", "my_model_s_x_y"),
        ("3layer.h5", "model_3layer"),
        ("final.h5", "model_final"),
        ("Table.H5", "model_Table"),
        ("modèle.h5", "mod_le"),
        ("日本.h5", "model_"),
        ("_.h5", "model_"),
        ("a;b&c|d.h5", "a_b_c_d"),
        ("net_weights.h5", "net"),
    ],
)
def test_names_of_files_become_safe_names(tmp_path: Path, file: str, name: str) -> None:
    path = tmp_path / file
    path.write_bytes(b"")
    assert find_model(str(path), tmp_path)[0].name == name


def test_weights_by_name(root: Path) -> None:
    path = write_json(root / "m.json")
    weights = root / "m_pruned_weights.h5"
    shutil.copyfile(root / "m_weights.h5", weights)
    config, _ = find_model(str(path), root, weights)
    assert (config.name, config.weights) == ("m_pruned", weights)
    error = refused("tiny", root, weights)
    assert error.what == "--weights is for a .json model, tiny.h5 has its own"


def test_a_yaml_that_names_a_missing_file(root: Path) -> None:
    (root / "models" / "tiny" / "tiny.h5").unlink()
    with pytest.raises(ModelError, match="which does not exist"):
        find_model("tiny", root)


# --- TARGET ------------------------------------------------------------------------------------


def test_targets(root: Path) -> None:
    named = root / "flows" / "targets" / "vu13p_5ns.yaml"
    assert find_target("vu13p_5ns", root) == named
    assert find_target(str(named), root) == named
    small = root / "flows" / "targets" / "small" / "tiny_20ns.yaml"
    small.parent.mkdir()
    small.write_text(named.read_text())
    assert find_target("small/tiny_20ns", root) == small
    assert find_target("vu13p_5ns", root / "elsewhere").name == "default_target.yaml"
    with pytest.raises(UsageError) as caught:
        find_target("vu13p_4ns", root)
    assert caught.value.what == "there is no target 'vu13p_4ns'"
    assert caught.value.hint == "did you mean 'vu13p_5ns'? targets: small/tiny_20ns, vu13p_5ns"


@pytest.mark.parametrize("text", ["", "../vu13p_5ns", "$(touch PLANTED)", "a b", "x" * 300])
def test_targets_that_are_none(root: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    with pytest.raises(UsageError, match="there is no target"):
        find_target(text, root)
    assert not (root / "PLANTED").exists()


# --- requests ----------------------------------------------------------------------------------


def requests(root: Path, name: str = "tiny", **changed: Any) -> dict[str, Any]:
    config, origins = find_model(name, root)
    target = load_target(root / "flows" / "targets" / "vu13p_5ns.yaml")
    job = prepare(config.model_copy(update=changed), target, root / "build", ["make fpga MODEL=tiny"], origins)
    return {path.stem: read_json(path) for path in (job.folder / "requests").iterdir()}


def differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return sorted(name for name in before if before[name] != after[name])


def test_the_same_asks_the_same_and_touches_nothing(root: Path) -> None:
    before = requests(root)
    times = {path: path.stat().st_mtime_ns for path in (root / "build" / "requests").iterdir()}
    assert requests(root) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert sorted(before) == ["budgets", "import", "report", "target", "verify"]


def test_a_changed_precision_changes_the_import(root: Path) -> None:
    before = requests(root)
    write_hls(root / "models" / "tiny", "fixed<7,3,RND_CONV,SAT>")
    assert differing(before, requests(root)) == ["import"]


def test_changed_weights_change_the_import(root: Path) -> None:
    before = requests(root)
    write_h5(root / "models" / "tiny" / "tiny.h5", weights={})
    assert differing(before, requests(root)) == ["import"]


@pytest.mark.parametrize("suffix", ["_weights.h5", ".weights.h5", ".h5"])
def test_changed_weights_beside_a_json_change_the_import(root: Path, suffix: str) -> None:
    path = write_json(root / "m.json", suffix=suffix)
    before = requests(root, str(path))
    write_json(path, weights={}, suffix=suffix)
    assert differing(before, requests(root, str(path))) == ["import"]


def test_a_changed_bulk_changes_the_verification_alone(root: Path) -> None:
    before = requests(root)
    path = root / "models" / "tiny" / "model.yaml"
    path.write_text(path.read_text().replace('"bulk": 2000', '"bulk": 3000'))
    after = requests(root)
    assert differing(before, after) == ["report", "verify"]
    assert [key for key in before["report"] if before["report"][key] != after["report"][key]] == ["inputs"]


def test_changed_rows_change_the_import(root: Path) -> None:
    rows = write_rows(root / "rows.npz")
    write_zoo(root / "models" / "tiny", data={"file": os.path.relpath(rows, root / "models" / "tiny"), "name": "r"})
    before = requests(root)
    write_rows(rows, rows=121)
    assert differing(before, requests(root)) == ["import"]


def test_a_folder_that_is_no_job(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Job(tmp_path).request("import")
    assert caught.value.what == "not a build folder: no requests in it"
    assert caught.value.hint == "make it with 'bitwright run MODEL'"
