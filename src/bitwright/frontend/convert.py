"""hls4ml: config, conversion, and the HLS project on disk."""

from __future__ import annotations

import contextlib
import io
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from bitwright.errors import BitwrightError, ModelError, UnsupportedLayerError
from bitwright.frontend.lower_hgq import DISTRIBUTED, exact_limits, kept_weights
from bitwright.frontend.overlays import overlay
from bitwright.frontend.override import lay_over

BACKEND = "Vitis"
ADVICE = "simplify the layer that this names, or what the model's hls config says about it"
STAMP_SPACE = uuid.UUID("6a5b1f6e-9f4c-4b8e-8f0a-0a3c7a1f2b11")


def make_config(model: Any, override: Path | None, softmax: str | None) -> dict[str, Any]:
    """hls4ml's own config (granularity name), with ours merged over it and tracing on everywhere.

    Args:
        model: the Keras model.
        override: an hls/<model>.yaml; its LayerName keys must exist.
        softmax: name of a final softmax that the hardware leaves out.
    """
    from hls4ml.utils import config_from_keras_model, config_from_onnx_model

    make = config_from_onnx_model if _is_onnx(model) else config_from_keras_model
    with _explained():
        config: dict[str, Any] = make(model, granularity="name", backend=BACKEND)
    if override is not None:
        lay_over(config, override)
    for layer in config["LayerName"].values():
        layer["Trace"] = True
    if softmax is not None:
        _skip_softmax(config, softmax)
    return config


def _skip_softmax(config: dict[str, Any], softmax: str) -> None:
    names = [name for name in (softmax, f"{softmax}_softmax") if "Skip" in config["LayerName"].get(name, {})]
    for name in names:
        config["LayerName"][name]["Skip"] = True


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    """hls4ml prints what it does; keep it for an error message."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        yield text


@contextlib.contextmanager
def _kept_quantizers() -> Iterator[None]:
    """Keep a QActivation that only quantizes: hls4ml 1.3.0 drops it, type and all, behind a layer of type ``auto``.

    (``model/optimizer/passes/linear.py``, MergeLinearActivation, heeds the quantizers of QONNX only.)
    """
    from hls4ml.model.optimizer.passes.linear import MergeLinearActivation

    theirs = MergeLinearActivation.match

    def match(self: Any, node: Any) -> bool:
        return bool(theirs(self, node)) and node.get_attr("activation_quantizer") is None

    with mock.patch.object(MergeLinearActivation, "match", match):
        yield


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Whatever hls4ml raises, as an error of ours with the end of what it printed."""
    with _quiet() as said:
        try:
            yield
        except BitwrightError:
            raise
        except Exception as error:
            raise _explain(error, said.getvalue()) from error


def convert(model: Any, config: dict[str, Any], name: str, options: dict[str, Any]) -> Any:
    """The ModelGraph of a Keras model, with all backend passes applied.

    Raises:
        UnsupportedLayerError: hls4ml does not know a layer.  ModelError: hls4ml refuses the model.
    """
    from hls4ml.converters import convert_from_keras_model, convert_from_onnx_model

    own = {} if _is_onnx(model) else {"allow_da_fallback": False}
    make = convert_from_onnx_model if _is_onnx(model) else convert_from_keras_model
    if any(layer.get("Strategy", "").lower() == DISTRIBUTED for layer in config["LayerName"].values()):
        overlay("da4ml").use(first=False)
    with _explained(), kept_weights(), exact_limits(), _kept_quantizers():
        graph = make(
            model, hls_config=config, backend=BACKEND, output_dir="hls", project_name=name, **own, **options,
        )  # fmt: skip
    mend_softmax(graph)
    return graph


def _is_onnx(model: Any) -> bool:
    return type(model).__name__ == "ModelWrapper"


def mend_softmax(graph: Any) -> None:
    """hls4ml 1.3.0 writes ``struct Softmax_config`` for a Softmax layer, and then uses ``softmax_config``."""
    for node in graph.get_layers():
        text = node.get_attr("config_cpp") or ""
        if "struct Softmax_config" in text:
            node.set_attr("config_cpp", text.replace("struct Softmax_config", "struct softmax_config"))


def _explain(error: Exception, said: str) -> BitwrightError:
    text = " ".join(str(error).split()) or type(error).__name__
    if re.search("[Uu]nsupported|not found in registry", text):
        return UnsupportedLayerError(f"hls4ml 1.3.0: {text}", hint="replace the layer by one that hls4ml converts")
    tail = " | ".join(said.strip().splitlines()[-3:])
    return ModelError(f"hls4ml cannot convert this model: {text}", hint=f"hls4ml said: {tail}" if tail else ADVICE)


def write_project(graph: Any, folder: Path, identity: str) -> None:
    """Write the HLS project into ``folder``/hls, with code that traces every layer outside of synthesis.

    hls4ml stamps each project with a random number; one made of the network's digest keeps the
    output the same from run to run.
    """
    stamp = uuid.uuid5(STAMP_SPACE, identity)
    graph.config.trace_output = True  # only this makes the writer heed 'Trace'
    previous = Path.cwd()
    os.chdir(folder)
    try:
        with _quiet(), mock.patch("uuid.uuid4", return_value=stamp):
            graph.apply_flow("vitis:write")
    finally:
        os.chdir(previous)


__all__ = ["BACKEND", "convert", "make_config", "mend_softmax", "write_project"]
