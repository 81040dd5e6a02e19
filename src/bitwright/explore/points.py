"""A point of a front as a model folder, which ``bitwright run`` takes through the whole chain."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from bitwright.config import ModelConfig
from bitwright.explore.builder import reuse_factors
from bitwright.explore.front import FrontPoint, candidate_of, point_of, read_front
from bitwright.explore.session import Session, folder_of, open_session, read_request
from bitwright.files import digest, exclusive, read_json, whole_folder, write_json
from bitwright.quant.emit import write_model
from bitwright.stages.planning import write_plan
from bitwright.stages.runner import Say

RECORD = "point.json"


def write_point(model: str, number: int, root: Path, target: str | None, out: Path | None, say: Say) -> str:
    """Write point ``number`` of a model's last search into ``out``; what 'bitwright run' takes.

    The folder holds a QKeras model, its hls4ml config, the data and a model.yaml.  One that holds the very point
    already is left as it is.

    Raises:
        UsageError: no search has been made, or no such point.
    """
    folder = folder_of(model, root, target)
    found = point_of(read_front(folder), number)
    if found.model:
        return found.model
    place = out or folder / "points" / str(number)
    record: dict[str, object] = {"front": digest(folder / "front.json"), "settings": found.settings}
    with exclusive(folder, ".point.lock"):
        if not _is_written(place, record):
            session = open_session(read_request(folder), say)
            with whole_folder(place) as part:
                _write(session, found, part)
                write_json(part / RECORD, record)
    return str(place / "model.yaml")


def _is_written(place: Path, record: dict[str, object]) -> bool:
    path = place / RECORD
    return path.is_file() and (place / "model.yaml").is_file() and bool(read_json(path) == record)


def _write(session: Session, point: FrontPoint, out: Path) -> None:
    candidate, config = candidate_of(point), session.config
    write_model(session.study.builder.network(candidate), out)
    factors = reuse_factors(candidate)
    if factors:
        write_plan(out / "hls.yaml", factors, out / "hls.yaml")
    assert config.data is not None
    (out / "data").mkdir()
    shutil.copyfile(config.data.file, out / "data" / config.data.file.name)
    (out / "model.yaml").write_text(_model_yaml(config, point), encoding="utf-8")


def _model_yaml(config: ModelConfig, point: FrontPoint) -> str:
    """The model's own, for the files beside it."""
    assert config.data is not None
    data = config.data.model_dump(mode="json") | {"file": f"data/{config.data.file.name}"}
    found = {
        "name": f"{config.name}_p{point.number}",
        "title": f"Point {point.number} of a search of {config.name}: {point.words}",
        "source": "model.h5",
        "hls": "hls.yaml",
        "io_type": config.io_type,
        "head": config.head,
        "data": data,
        "vectors": config.vectors.model_dump(mode="json", exclude_none=True),
        "target": config.target,
    }
    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True)
