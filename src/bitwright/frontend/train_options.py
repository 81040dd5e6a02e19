"""What one training is: its options, checked before TensorFlow is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bitwright.config import ModelConfig, TrainConfig
from bitwright.errors import ConfigError, nearest


@dataclass(frozen=True, slots=True)
class Options:
    """What ``train.options`` of a model.yaml may hold.

    ``zero_weights``: share of the weights to prune, 0 to below 1. ``l1``: penalty per unit of absolute weight,
    which makes the weights that stay cheap in adders. ``patience``: epochs without progress before training stops.
    ``copies``: for each real image, as many copies, moved by up to ``shift`` pixels down or up, right or left.
    """

    zero_weights: float = 0.0
    l1: float = 0.0
    patience: int = 12
    copies: int = 0
    shift: int = 2

    @staticmethod
    def of(config: TrainConfig) -> Options:
        """Read and check the options.

        Raises:
            ConfigError: an unknown option or a value out of its range.
        """
        known = set(Options.__dataclass_fields__)
        for key in config.options:
            if key not in known:
                hint = nearest(key, known) or f"known options: {', '.join(sorted(known))}"
                raise ConfigError(f"unknown option '{key}'", where="train.options", hint=hint)
        try:
            values = {key: float(value) for key, value in config.options.items()}
        except ValueError as error:
            raise ConfigError(f"not a number ({error})", where="train.options", hint="give a number") from error
        chosen = Options(
            values.get("zero_weights", 0.0), values.get("l1", 0.0), int(values.get("patience", 12)),
            int(values.get("copies", 0)), int(values.get("shift", 2)),
        )  # fmt: skip
        small = chosen.l1 < 0 or chosen.patience < 1 or chosen.copies < 0 or chosen.shift < 0
        if small or not 0 <= chosen.zero_weights < 1:
            raise ConfigError(
                "zero_weights must be 0 to below 1, patience 1 or more, l1, copies and shift not negative",
                where="train.options",
                hint="mend the value",
            )
        return chosen


@dataclass(frozen=True, slots=True)
class Job:
    """One training, checked before anything is loaded."""

    folder: Path
    out: Path
    config: ModelConfig
    train: TrainConfig
    data: str
    rows_chosen: bool = False
    """Whether the command line limits the rows; real rows are all used otherwise."""

    @property
    def generator(self) -> Path:
        """The generator's parameters."""
        return self.folder / "generator.npz"

    @property
    def backups(self) -> Path:
        """Where an interrupted training is kept until it is run again."""
        return self.out / ".training"
