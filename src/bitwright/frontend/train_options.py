"""What one training is: its options, checked before TensorFlow is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bitwright.config import ModelConfig, TrainConfig, read_yaml
from bitwright.errors import ConfigError, UsageError, nearest
from bitwright.files import digest, to_json

SHARE, POSITIVE, NOT_NEGATIVE, COUNT = "0 to below 1", "above 0", "not negative", "1 or more"
RANGES = {
    SHARE: lambda value: 0 <= value < 1,
    POSITIVE: lambda value: value > 0,
    NOT_NEGATIVE: lambda value: value >= 0,
    COUNT: lambda value: value >= 1,
}


def _option(default: float, allowed: str, flavour: str = "") -> Any:
    return field(default=default, metadata={"allowed": allowed, "flavour": flavour})


@dataclass(frozen=True, slots=True)
class Options:
    """What ``train.options`` of a model.yaml may hold.

    Of every training: ``patience``: epochs without progress before training stops; ``balance``: 1 weighs the classes
    alike, however rare one is; ``copies``: for each real image, as many copies, moved by up to ``shift`` pixels down
    or up, right or left.

    Of flavour keras2: ``zero_weights``: share of the weights to prune, 0 to below 1; ``gradual``: 0 prunes all of
    them before the first step, and the training is a fine-tuning of the rest; ``l1``: penalty per unit of absolute
    weight, which makes the weights that stay cheap in adders.

    Of flavour hgq2: ``beta_first`` and ``beta_last``: price of an effective bit operation, in units of the loss, at
    the beginning and from ``ramp`` of the epochs on, growing by a constant factor per epoch between them; ``within``:
    how much worse than the best of the Pareto front the network may be that is kept as the model (the cheapest such
    is); ``polish``: the price of an adder bit, in units of the loss, at which its numbers are polished after that
    (0: they are not; see polish.py); ``front``: how many members of the front are kept beside it.
    """

    patience: int = _option(12, COUNT)
    balance: int = _option(0, NOT_NEGATIVE)
    copies: int = _option(0, NOT_NEGATIVE)
    shift: int = _option(2, NOT_NEGATIVE)
    zero_weights: float = _option(0.0, SHARE, "keras2")
    gradual: int = _option(1, NOT_NEGATIVE, "keras2")
    l1: float = _option(0.0, NOT_NEGATIVE, "keras2")
    beta_first: float = _option(1e-6, POSITIVE, "hgq2")
    beta_last: float = _option(1e-3, POSITIVE, "hgq2")
    ramp: float = _option(0.6, SHARE, "hgq2")
    within: float = _option(0.005, NOT_NEGATIVE, "hgq2")
    polish: float = _option(0.0, NOT_NEGATIVE, "hgq2")
    front: int = _option(0, NOT_NEGATIVE, "hgq2")

    @staticmethod
    def of(config: TrainConfig) -> Options:
        """Read and check the options.

        Raises:
            ConfigError: an unknown option, one of another flavour, or a value out of its range.
        """
        known = {option.name: option for option in fields(Options)}
        chosen: dict[str, Any] = {}
        for key, value in config.options.items():
            if key not in known:
                hint = nearest(key, known) or f"known options: {', '.join(sorted(known))}"
                raise ConfigError(f"unknown option '{key}'", where="train.options", hint=hint)
            _check_flavour(key, known[key].metadata["flavour"], config.flavour)
            chosen[key] = _value(key, value, known[key])
        return Options(**chosen)


def _check_flavour(key: str, wanted: str, flavour: str) -> None:
    if wanted not in ("", flavour):
        raise ConfigError(
            f"'{key}' is an option of flavour {wanted}; this model's is {flavour}", where="train.options",
            hint="leave it out",
        )  # fmt: skip


def _value(key: str, value: object, option: Any) -> float | int:
    try:
        number = float(str(value)) if not isinstance(value, bool) else float(value)
    except ValueError as error:
        raise ConfigError(f"{key}: not a number ({error})", where="train.options", hint="give a number") from error
    allowed = option.metadata["allowed"]
    whole = isinstance(option.default, int)
    if not isfinite(number) or not RANGES[allowed](number) or (whole and number != int(number)):
        raise ConfigError(
            f"{key} must be {allowed}{', a whole number' if whole else ''}, not {value}", where="train.options",
            hint="mend the value",
        )  # fmt: skip
    return int(number) if whole else number


@dataclass(frozen=True, slots=True)
class Aside:
    """What a training keeps beside the model, and what it begins with.

    Attributes:
        backup: folder from which an interrupted training goes on.
        history: file of the figures of each epoch.
        events: folder for TensorBoard.
        start: weights to begin with.
        in_time: the rows are in the order of time.
    """

    backup: Path | None = None
    history: Path | None = None
    events: Path | None = None
    start: Path | None = None
    in_time: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One training, checked before anything is loaded.

    Attributes:
        folder: the model's, with model.yaml and network.py.
        out: where weights and metrics are written.
        config: model.yaml.
        train: its ``train``, as the command line changed it.
        data: what ``--data`` says.
        rows_chosen: whether the command line limits the rows; real rows are all used otherwise.
        record: where run.json is written, the course of the training; None: nowhere.
        start: weights to begin with; None: the program's own.
        tensorboard: whether the course is also written as TensorBoard's event files, into ``record``.
    """

    folder: Path
    out: Path
    config: ModelConfig
    train: TrainConfig
    data: str
    rows_chosen: bool = False
    record: Path | None = None
    start: Path | None = None
    tensorboard: bool = False

    @property
    def generator(self) -> Path:
        """The generator's parameters."""
        return self.folder / "generator.npz"

    @property
    def backups(self) -> Path:
        """Where an interrupted training is kept until it is run again."""
        return self.out / ".training"

    @property
    def identity(self) -> str:
        """Names what is trained, on what and how: another training never continues from its backup."""
        described = {
            "data": self.data,
            "all_rows": not self.rows_chosen,
            "train": json.loads(self.train.model_dump_json()),
            "start": digest(self.start) if self.start and self.start.is_file() else "",
        }
        program = (self.folder / "network.py").read_bytes()
        generator = self.generator.read_bytes() if self.generator.is_file() else b""
        return hashlib.sha256(to_json(described).encode() + program + generator).hexdigest()[:16]


def make_job(
    model: Path, *, out: Path | None = None, data: str = "generated", settings: Sequence[str] = (),
    record: Path | None = None, start: Path | None = None, tensorboard: bool = False,
) -> Job:  # fmt: skip
    """A training of the model in a folder, checked without Keras; ``start`` may be a file that is yet to come.

    Raises:
        UsageError, ConfigError: no such model, or a setting that is wrong.
    """
    folder = Path(model).resolve()
    for name in ("model.yaml", "network.py"):
        if not (folder / name).is_file():
            raise UsageError(f"no {name} in it", where=str(folder), hint="name a folder like models/jet3")
    if tensorboard and record is None:
        raise UsageError("--tensorboard without a place", hint="add --record FOLDER")
    # read_yaml and not load_model: the weights that the file names are what is made here
    config = read_yaml(folder / "model.yaml", ModelConfig)
    return Job(
        folder, Path(out or folder).resolve(), config, changed(config.train or TrainConfig(), settings), data,
        any(change.startswith("rows=") for change in settings), record.resolve() if record else None,
        start.resolve() if start else None, tensorboard,
    )  # fmt: skip


def changed(config: TrainConfig, changes: Sequence[str]) -> TrainConfig:
    """``config`` with each ``KEY=VALUE`` of ``changes``: keys of ``train``, or of its options.

    Raises:
        UsageError, ConfigError: an unknown key, which names the nearest, or a value that is none.
    """
    values = config.model_dump()
    options = {option.name for option in fields(Options)}
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise UsageError(f"--set {change}", hint="write --set KEY=VALUE, such as --set epochs=5")
        known = (set(values) - {"options"}) | options
        if key not in known:
            hint = nearest(key, known) or f"known: {', '.join(sorted(known))}"
            raise UsageError(f"--set {key}: unknown", hint=hint)
        place = values["options"] if key in options else values
        try:
            place[key] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {change}: no value", hint="write a number, true, false or a word") from error
    try:
        train = TrainConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"--set {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise ConfigError(what, hint=f"keys: {', '.join(values)}") from error
    Options.of(train)
    return train
