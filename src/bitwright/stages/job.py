"""One job: a model for a target, its folder, and what each stage is asked to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitwright.config import ModelConfig, TargetConfig, load_model, load_target
from bitwright.config.names import is_reserved
from bitwright.errors import UsageError, nearest
from bitwright.files import digest, read_json, to_json, unchanged_or_write
from bitwright.frontend.modelfile import weights_beside

MODEL_SUFFIXES = (".h5", ".hdf5", ".keras", ".json", ".onnx")


@dataclass(frozen=True, slots=True)
class Job:
    """The folder ``build/<model>/<target>`` and the requests in it."""

    folder: Path

    def request(self, name: str) -> dict[str, Any]:
        """What a stage is asked: the content of ``requests/<name>.json``."""
        path = self.folder / "requests" / f"{name}.json"
        if not path.is_file():
            raise UsageError(
                "not a build folder: no requests in it",
                where=str(self.folder),
                hint="make it with 'bitwright run MODEL'",
            )
        data: dict[str, Any] = read_json(path)
        return data

    def stage(self, name: str) -> Path:
        """The folder of a stage's results."""
        return self.folder / name

    @property
    def target(self) -> TargetConfig:
        """The target as it was requested."""
        return TargetConfig.model_validate(self.request("target"))


def find_model(text: str, root: Path, weights: Path | None = None) -> tuple[ModelConfig, list[Path]]:
    """The model that ``text`` names: a folder of models/, a folder with a model.yaml, such a file, or a model file.

    Args:
        text: what the user said.
        root: the folder that holds ``models/``.
        weights: weights for a ``.json`` model.

    Returns:
        The config with absolute paths, and the files that it came from.

    Raises:
        UsageError: nothing of that name; lists what exists and the nearest.
    """
    config, origins = _find_config(text, root, weights)
    if weights is None:
        return config, origins
    if config.source.suffix.lower() != ".json":
        raise UsageError(
            f"--weights is for a .json model, {config.source.name} has its own", hint="leave --weights out"
        )
    return config.model_copy(update={"weights": weights.resolve()}), origins


def _find_config(text: str, root: Path, weights: Path | None) -> tuple[ModelConfig, list[Path]]:
    known = _known_models(root)
    if text in known:
        path = root / "models" / text / "model.yaml"
        return load_model(path), [path]
    if not text:
        raise UsageError("no MODEL was given", hint=_list(known))
    path = Path(text)
    if _is_file(path / "model.yaml"):
        path /= "model.yaml"
    if not _is_file(path):
        raise UsageError(f"there is no model '{text}'", hint=f"{nearest(text, known)} {_list(known)}".strip())
    if path.suffix in (".yaml", ".yml"):
        return load_model(path), [path]
    if path.suffix.lower() not in MODEL_SUFFIXES:
        raise UsageError(f"'{path.name}' is not a model file", hint="give a .h5, .keras, .json, .onnx or a model.yaml")
    return _config_for_file(path, weights), []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than any file's
        return False


def _known_models(root: Path) -> list[str]:
    folder = root / "models"
    return sorted(p.parent.name for p in folder.glob("*/model.yaml")) if folder.is_dir() else []


def _list(known: list[str]) -> str:
    names = f"models here: {', '.join(known)}" if known else "there is no models/ folder here"
    return f"({names}; or give a path to a .h5, .keras, .json, .onnx or model.yaml)"


def _config_for_file(path: Path, weights: Path | None) -> ModelConfig:
    stem = re.sub(r"\W+", "_", (weights or path).stem.removesuffix("_weights"), flags=re.ASCII).strip("_")
    name = stem if stem[:1].isalpha() and not is_reserved(stem) else f"model_{stem}"
    return ModelConfig(name=name, source=path.resolve())


def find_target(text: str, root: Path) -> Path:
    """The file of a target: a name in flows/targets/, or a path."""
    named = root / "flows" / "targets" / f"{text}.yaml"
    if re.fullmatch(r"\w+", text) and _is_file(named):
        return named
    path = Path(text)
    if _is_file(path):
        return path
    if text == "vu13p_5ns":
        return DEFAULT_TARGET
    folder = root / "flows" / "targets"
    known = sorted(p.stem for p in folder.glob("*.yaml")) if folder.is_dir() else ["vu13p_5ns"]
    raise UsageError(f"there is no target '{text}'", hint=f"{nearest(text, known)} targets: {', '.join(known)}".strip())


DEFAULT_TARGET = Path(__file__).parent.parent / "config" / "default_target.yaml"


ODD = frozenset(' \t\n:;#$\\"')
"""What make, Verilator and C++ read as something else in a path."""


def check_folder(folder: Path) -> None:
    """A folder that holds other things than a job of ours is never written to, nor one with an odd path.

    Raises:
        UsageError: it is not empty and no job, or its path holds spaces or the like.
    """
    odd = sorted(ODD & set(str(folder.resolve())))
    if odd:
        raise UsageError(
            f"make and Verilator cannot work in a folder with {' '.join(map(repr, odd))} in its path",
            where=str(folder), hint="give another folder: -o of 'bitwright build', --build of 'bitwright run'",
        )  # fmt: skip
    ours = (folder / "requests").is_dir() or not folder.is_dir()
    if not ours and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise UsageError("this folder holds other files", where=str(folder), hint="give a new or an empty folder")


def prepare(model: ModelConfig, target: TargetConfig, folder: Path, command: list[str], origins: list[Path]) -> Job:
    """Write the requests of a job; a request whose content is the same keeps its file untouched."""
    job = Job(folder)
    requests: dict[str, dict[str, Any]] = {
        "import": _import_request(model, target),
        "target": target.model_dump(mode="json"),
        "verify": {"bulk": model.vectors.bulk, "seed": model.vectors.seed},
        "report": _report_request(model, target, command, origins),
        "budgets": model.budgets.model_dump(mode="json", exclude_none=True),
    }
    for name, data in requests.items():
        unchanged_or_write(folder / "requests" / f"{name}.json", to_json(data))
    return job


def _import_request(model: ModelConfig, target: TargetConfig) -> dict[str, Any]:
    weights = model.weights or (weights_beside(model.source) if model.source.suffix == ".json" else None)
    rows = model.data.file if model.data else None
    files = {"model": model.source, "weights": weights, "hls_config": model.hls, "rows": rows}
    return {
        "name": model.name,
        **{key: str(path) if path else None for key, path in files.items()},
        "digests": {key: digest(path) for key, path in files.items() if path is not None and path.is_file()},
        "classes": len(model.data.classes) if model.data else 0,
        "io_type": model.io_type,
        "head": model.head,
        "real": model.vectors.real,
        "random": model.vectors.random,
        "seed": model.vectors.seed,
        "part": target.part,
        "clock_ns": target.clock_ns,
    }


def _report_request(
    model: ModelConfig, target: TargetConfig, command: list[str], origins: list[Path]
) -> dict[str, Any]:
    data = model.data
    return {
        "model": model.name,
        "title": model.title or model.name,
        "target": target.name,
        "target_title": target.title,
        "data": data.model_dump(mode="json", exclude={"file"}) | {"file": str(data.file)} if data else None,
        "command": command,
        "inputs": {path.name: digest(path) for path in origins},
    }


__all__ = ["Job", "find_model", "find_target", "load_target", "prepare"]
