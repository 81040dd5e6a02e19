"""Floats in, floats out: hls4ml's ``predict`` and ``trace`` on the simulated RTL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.errors import MismatchError, UsageError
from bitwright.fixed import FixedFormat, integers_of_floats, quantize_floats, to_float
from bitwright.network import Network
from bitwright.network.reference import Reference
from bitwright.report.records import FirstMismatch, Status
from bitwright.sim.compare import compare, output_formats
from bitwright.sim.verilator import Bulk, SimBuild

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[Any]
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


@dataclass(frozen=True, slots=True)
class Port:
    """An input as hls4ml's C++ bridge assigns floats to it (nnet_helpers.h, convert_data)."""

    format: FixedFormat
    integer: bool
    """Whether its type is ap_int or ap_uint, which round otherwise than ap_fixed."""

    def raw(self, values: Floats) -> Ints:
        """Raw values of floats."""
        return integers_of_floats(values, self.format) if self.integer else quantize_floats(values, self.format)


class Simulation:
    """The Verilated RTL of one graph, and its exact reference.

    Args:
        network: what the RTL computes.
        built: the compiled simulation.
        ports: its inputs.
        traced: the layers that ``trace`` returns.
    """

    def __init__(self, network: Network, built: SimBuild, ports: list[Port], traced: tuple[str, ...]) -> None:
        self.network = network
        self._bulk = Bulk(built)
        self._ports = ports
        self._traced = traced

    def predict(self, x: Any) -> Any:
        """Outputs of the RTL for floats; shapes and dtype as ``ModelGraph.predict`` has them.

        Args:
            x: an array (rows, ...), a list of them for several inputs; one row may come without its axis.

        Returns:
            An array (rows, elements) of the dtype of ``x``, a list of them for several outputs; for one row
            without the first axis.

        Raises:
            UsageError: not what the model takes.
        """
        raw, dtype = self._raw(x)
        return self._shaped(self._bulk.outputs(raw), dtype)

    def trace(self, x: Any) -> tuple[Any, dict[str, Floats]]:
        """What :meth:`predict` gives, and the values (rows, *shape) of every traced layer.

        The layers' values are the reference's; its outputs for ``x`` are compared with the RTL's first.

        Raises:
            MismatchError: the RTL computed something else.
        """
        raw, dtype = self._raw(x)
        outputs = self._bulk.outputs(raw)
        values = Reference(self.network).layers(raw, {*self._traced, *self.network.outputs})
        self._demand_equal(values, outputs)
        layers = self.network.by_name
        trace = {
            name: self._floats(values[name], name, dtype).reshape(len(raw), *layers[name].shape)
            for name in self._traced
        }
        return self._shaped(outputs, dtype), trace

    def _demand_equal(self, values: dict[str, Ints], outputs: Ints) -> None:
        expected = np.concatenate([values[name] for name in self.network.outputs], axis=1)
        pair = compare("reference", "RTL", expected, outputs, output_formats(self.network, self.network.outputs))
        if pair.status is not Status.PASSED:
            raise MismatchError(
                f"reference and RTL differ on {pair.mismatches} of {pair.vectors} vectors{_where(pair.first)}",
                where=self.network.name,
                hint="run build(): it finds the first differing layer and keeps a waveform",
            )

    # --- floats to raw values ------------------------------------------------------------------

    def _raw(self, x: Any) -> tuple[Ints, np.dtype[Any]]:
        """Raw inputs (rows, elements) and the dtype of the outputs."""
        inputs = self.network.inputs
        arrays = [x] if len(inputs) == 1 else x
        if not isinstance(arrays, list | tuple) or len(arrays) != len(inputs):
            raise self._error(f"the model has {len(inputs)} inputs", "give a list of that many arrays, in its order")
        dtypes = {self._dtype(array) for array in arrays}
        if len(dtypes) > 1:
            raise self._error("inputs of different dtypes", "convert all of them to float32 or all to float64")
        shapes = zip(arrays, inputs, strict=True)
        parts = [self._rows(array, layer.name, layer.size, layer.shape) for array, layer in shapes]
        if len({len(part) for part in parts}) != 1:
            raise self._error(f"inputs of {[len(part) for part in parts]} rows", "give the same rows of every input")
        try:
            raw = [port.raw(part) for part, port in zip(parts, self._ports, strict=True)]
        except ValueError as error:
            raise self._error(str(error), "remove those rows") from error
        return np.concatenate(raw, axis=1), dtypes.pop()

    def _dtype(self, array: Any) -> np.dtype[Any]:
        if not isinstance(array, np.ndarray) or array.dtype not in FLOATS:
            kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise self._error(f"an input is {kind}", "give NumPy arrays of float32 or float64, as hls4ml's C++ takes")
        return array.dtype

    def _rows(self, array: Floats, name: str, size: int, shape: tuple[int, ...]) -> Floats:
        if array.size == 0 or array.size not in (size, array.shape[0] * size):
            raise self._error(
                f"input '{name}' has shape {array.shape}", f"it takes (rows, {', '.join(map(str, shape))})"
            )
        return array.reshape(-1, size)

    def _error(self, what: str, hint: str) -> UsageError:
        return UsageError(what, where=self.network.name, hint=hint)

    # --- raw values to floats ------------------------------------------------------------------

    def _floats(self, raw: Ints, name: str, dtype: np.dtype[Any]) -> Floats:
        """The numbers; exact in float64, and rounded to nearest in float32, as ap_fixed's ``operator float`` does."""
        return to_float(raw, self.network.layer(name).result.fraction).astype(dtype)

    def _shaped(self, raw: Ints, dtype: np.dtype[Any]) -> Any:
        names = self.network.outputs
        edges = np.cumsum([self.network.layer(name).size for name in names])[:-1]
        parts = np.split(raw, edges, axis=1)
        floats = [self._floats(part, name, dtype) for part, name in zip(parts, names, strict=True)]
        floats = [part[0] for part in floats] if len(raw) == 1 else floats
        return floats[0] if len(floats) == 1 else floats


def _where(first: FirstMismatch | None) -> str:
    if first is None:
        return ""
    place = f"layer '{first.layer}', element {first.element}, vector {first.vector}"
    return f"; first: {place}: expected {first.expected:g}, got {first.actual:g}, {first.format}"
