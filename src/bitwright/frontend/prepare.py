"""Make a process ready to read models of one flavour: the one place where its environment is set."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bitwright.frontend.flavours import STACKS, Flavour
from bitwright.frontend.overlays import overlay


class Reader(Protocol):
    """What a reader module gives."""

    def load(self, path: Path, weights: Path | None) -> Any:
        """The model of a file that was inspected."""

    def without_softmax(self, model: Any) -> tuple[Any, str | None]:
        """The model cut before a final softmax, and that layer's name."""

    def predict(self, model: Any, inputs: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Outputs (rows, elements) in the model's own float arithmetic."""

    def layer_values(self, model: Any, inputs: list[npt.NDArray[np.float64]]) -> dict[str, npt.NDArray[np.float64]]:
        """What each layer gives, (rows, elements), by its name."""

    def weight_values(self, model: Any) -> dict[str, list[npt.NDArray[np.float64]]]:
        """The weights that each layer computes with, by layer name."""


def prepare(flavour: Flavour) -> None:
    """Make this process ready for one flavour; nothing of Keras may be loaded before.

    Raises:
        ToolNotFoundError: the overlay of the flavour is not installed.
    """
    stack = STACKS[flavour]
    if stack.overlay is not None:
        overlay(stack.overlay).use()
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    setattr(np, "product", np.prod)  # noqa: B010  (NumPy 2 dropped it; hls4ml's power-of-two weights want it)
    if stack.keras == 2:
        _use_keras2()
    else:
        os.environ.pop("TF_USE_LEGACY_KERAS", None)
    if stack.keras == 3:  # for others the package `quantizers` would load Keras 3 because of it
        os.environ["KERAS_BACKEND"] = "tensorflow"


def reader_of(flavour: Flavour) -> Reader:
    """The functions that read a model of that flavour, once the process is prepared."""
    module: Any = importlib.import_module(f"bitwright.frontend.{STACKS[flavour].reader}")
    reader: Reader = module
    return reader


def _use_keras2() -> None:
    """tf_keras under the name of Keras, for QKeras 0.9.0 and for hls4ml."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tf_keras

    sys.modules["keras"] = tf_keras
