"""What models/jet3_hgq ships, beside models/jet3: the same rows, fewer bits."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from bitwright.config import load_model
from bitwright.files import digest
from bitwright.frontend.modelfile import inspect

ROOT = Path(__file__).resolve().parents[2]
FOLDER, JET3 = ROOT / "models" / "jet3_hgq", ROOT / "models" / "jet3"


def metrics(folder=FOLDER):
    return json.loads((folder / "metrics.json").read_text())


def baseline(name):
    path = ROOT / "reports" / "baselines" / name / "vu13p_5ns.json"
    return json.loads(path.read_text())["headline"]["figures"]


def test_rows_and_generator_are_those_of_jet3():
    for file in ("generator.npz", "data/test.npz"):
        assert digest(FOLDER / file) == digest(JET3 / file)


def test_weights_are_the_ones_of_the_metrics_and_are_read():
    config = load_model(FOLDER / "model.yaml")
    assert config.train is not None
    assert config.train.flavour == "hgq2"
    assert digest(config.source) == metrics()["weights_sha256"]
    assert inspect(config.source, None).flavour.value == "hgq2"


def test_the_file_says_nothing_of_when_it_was_made():
    with zipfile.ZipFile(FOLDER / "model.keras") as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert json.loads(file.read("metadata.json"))["date_saved"].startswith("1980")


def test_it_is_the_hardware_of_jet3_made_smaller():
    ours, theirs = baseline("jet3_hgq"), baseline("jet3")
    assert ours["lut"] < theirs["lut"]
    assert ours["accuracy"] == pytest.approx(metrics()["scores"][0]["accuracy"])


def test_the_front_is_a_front_and_its_files_are_there():
    members = json.loads((FOLDER / "front" / "front.json").read_text())["members"]
    assert len(members) >= 3
    costs = [member["ebops"] for member in members]
    watched = [member["watched"] for member in members]
    assert costs == sorted(costs)
    assert watched == sorted(watched)
    assert {path.name for path in (FOLDER / "front").glob("*.keras")} == {member["file"] for member in members}
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    assert size < 900_000


def test_the_card_states_the_figures_of_the_files():
    card = (FOLDER / "README.md").read_text()
    for entry in metrics()["scores"]:
        kind = "synthetic" if entry["synthetic"] else "real"
        assert re.search(rf"\|[^\n]*{kind}[^\n]*\| {entry['rows']:,} \| {entry['accuracy'] * 100:.2f} %", card)
    assert f"{baseline('jet3_hgq')['lut']:,.0f} LUT" in card
    assert f"{baseline('jet3')['lut']:,.0f} LUT" in card
    assert f"{metrics()['ebops']:,} EBOPs" in card
    for member in json.loads((FOLDER / "front" / "front.json").read_text())["members"]:
        assert re.search(rf"\| {member['ebops']:,} \| {member['scores'][0]['accuracy'] * 100:.2f} %", card)
