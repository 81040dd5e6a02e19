"""model.yaml: what a model is, where its weights and data are, and what hardware is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from bitwright.config.budget import BudgetConfig
from bitwright.config.names import is_reserved
from bitwright.config.yamlfile import Config, read_yaml
from bitwright.errors import ModelError

Head = Literal["model", "logits", "argmax"]
TrainFlavour = Literal["keras2", "hgq2"]


class DataConfig(Config):
    """The labelled rows that the model is tried on."""

    file: Path = Field(description=".npz with x (rows, features) and y (rows,), relative to model.yaml")
    name: str = Field(description="the data set's name, as every accuracy states it")
    split: str = Field(default="test", description="which part of it the file holds")
    synthetic: bool = Field(default=False, description="true for rows that a generator made")
    classes: tuple[str, ...] = ()


class VectorConfig(Config):
    """How the test vectors are drawn."""

    real: int = Field(default=4000, ge=0, description="rows of the data set, at most")
    random: int = Field(default=6000, ge=0, description="random on the input grid")
    bulk: int | None = Field(
        default=None, ge=0, description="vectors of the bulk comparison; 1,000,000 at II 1, fewer at larger ones"
    )
    seed: int = 1


class TrainConfig(Config):
    """What ``bitwright train`` hands to the model's network.py."""

    flavour: TrainFlavour = Field(
        default="keras2",
        description="keras2: QKeras 0.9 on Keras 2; hgq2: HGQ2 on Keras 3, whose bit widths are learned",
    )
    epochs: int = Field(default=30, ge=1)
    batch_size: int = Field(default=256, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    seed: int = 1
    rows: int = Field(default=200_000, ge=1, description="rows to generate or to use, at most")
    options: dict[str, float | int | str | bool] = Field(default={})


class ModelConfig(Config):
    """The whole file."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", description="also the name of the hardware top")
    title: str = ""
    source: Path = Field(description="model file: .h5, .keras, .onnx, or .json with its weights beside it")
    weights: Path | None = Field(default=None, description="weights of a .json model")
    float_model: Path | None = Field(default=None, description="the same network without quantizers, as it was trained")
    hls: Path | None = Field(default=None, description="hls4ml config; made by hls4ml when absent")
    io_type: Literal["io_parallel", "io_stream"] = "io_parallel"
    head: Head = Field(default="logits", description="logits: leave out a final softmax; argmax: its index")
    data: DataConfig | None = None
    vectors: VectorConfig = VectorConfig()
    target: str = "vu13p_5ns"
    train: TrainConfig | None = None
    budgets: BudgetConfig = BudgetConfig()
    nightly_without: dict[str, str] = Field(
        default={}, description="targets that the nightly leaves out, each with the reason that its summary shows"
    )

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if is_reserved(name):
            raise ValueError(f"{name} is a word of SystemVerilog or C++")
        return name


def load_model(path: Path) -> ModelConfig:
    """Read a model.yaml; every path in it comes back absolute.

    Raises:
        ConfigError: the file is wrong.  ModelError: a file that it names is missing.
    """
    config = read_yaml(path, ModelConfig)
    folder = path.resolve().parent
    update: dict[str, Any] = {"source": _existing(folder / config.source, path, "source")}
    for key in ("weights", "float_model", "hls"):
        value = getattr(config, key)
        if value is not None:
            update[key] = _existing(folder / value, path, key)
    if config.data is not None:
        file = _existing(folder / config.data.file, path, "data.file")
        update["data"] = config.data.model_copy(update={"file": file})
    return config.model_copy(update=update)


def _existing(path: Path, where: Path, key: str) -> Path:
    if not path.is_file():
        hint = "train it first with 'make train'" if key == "source" else f"mend '{key}' in {where.name}"
        raise ModelError(f"'{key}' names {path}, which does not exist", where=str(where), hint=hint)
    return path.resolve()
