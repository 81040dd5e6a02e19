"""After a mismatch: the first differing layer, from a waveform of the RTL or a trace of the C++."""

from __future__ import annotations

import shutil
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitwright.network import Network
from bitwright.network.reference import Reference
from bitwright.report.records import FirstMismatch
from bitwright.rtl.bundle import Bundle, ElementInfo, ProbeInfo
from bitwright.sim import verilator
from bitwright.sim.compare import first_differing_layer, output_formats, to_raw
from bitwright.sim.emulation import Compiled, Emulation

Ints = npt.NDArray[np.int64]
Changes = dict[str, list[tuple[int, int]]]


def diagnose_rtl(
    bundle: Bundle, root: Path, evaluator: Reference, x: Ints, rtl: Ints, wave: Path
) -> FirstMismatch | None:
    """Send the first wrong vector to the RTL again, write its waveform, and compare every visible layer.

    None where the RTL is right after all (the file that it was compared with was not).
    """
    wrong = np.flatnonzero((evaluator.outputs(x) != rtl).any(axis=1))
    if not len(wrong):
        return None
    vector = int(wrong[0])
    record_wave(bundle, root, x[vector : vector + 1], wave)
    seen: dict[str, npt.NDArray[Any]] = dict(layers_in_wave(bundle, evaluator.network, wave))
    layers = {name: values[0] for name, values in evaluator.layers(x[vector : vector + 1]).items()}
    for name, offset, size in _outputs(evaluator):
        seen[name] = rtl[vector, offset : offset + size]
    found = first_differing_layer(evaluator.network, vector, layers, seen)
    return found.model_copy(update={"waveform": wave.name}) if found else None


def record_wave(bundle: Bundle, root: Path, x: Ints, wave: Path) -> None:
    """Build the RTL with waves in a folder beside ``wave`` (removed again), and send it one vector (1, elements)."""
    sim = wave.with_name(f".{wave.stem}")
    sim.mkdir()
    try:
        verilator.Bulk(verilator.build(bundle, root, sim, waves=True)).wave(x, wave)
    finally:
        shutil.rmtree(sim, ignore_errors=True)


def _outputs(evaluator: Reference) -> Iterator[tuple[str, int, int]]:
    offset = 0
    for name in evaluator.network.outputs:
        size = evaluator.network.layer(name).size
        yield name, offset, size
        offset += size


def diagnose_emulation(
    evaluator: Reference, library: Path, x: Ints, emulation: npt.NDArray[Any]
) -> FirstMismatch | None:
    """The first layer whose C++ trace differs from the reference, for the first wrong vector; None: no layer."""
    network = evaluator.network
    model = Emulation(Compiled(library, library.parent, network.name, 0.0), network)
    heads = model.outputs_of
    reference = evaluator.layers(x)
    joined = np.concatenate([reference[name] for name in heads], axis=1)
    wrong = np.flatnonzero((joined != to_raw(emulation, output_formats(network, heads))).any(axis=1))
    if not len(wrong):
        return None
    vector = int(wrong[0])
    formats = {layer.name: layer.result for layer in network.layers}
    traced = {
        name: np.ldexp(values, formats[name].fraction) for name, values in model.layers(x[vector : vector + 1]).items()
    }
    return first_differing_layer(network, vector, {n: v[vector] for n, v in reference.items()}, traced)


def diagnose_keras(
    evaluator: Reference, vector: int, x: Ints, keras: Mapping[str, npt.NDArray[np.float64]]
) -> FirstMismatch | None:
    """The first layer in which Keras differs from the reference.

    Args:
        evaluator: the reference.
        vector: the number of the vector, for the message.
        x: its raw inputs (elements,).
        keras: what Keras gives in the layers that it knows, (1, elements) each.
    """
    network = evaluator.network
    traced = {name: np.ldexp(values[0], network.layer(name).result.fraction) for name, values in keras.items()}
    reference = {name: values[0] for name, values in evaluator.layers(x[None, :]).items()}
    return first_differing_layer(network, vector, reference, traced)


# --- waveforms ---------------------------------------------------------------------------------


def layers_in_wave(bundle: Bundle, network: Network, wave: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Values, in steps of each layer's format, of the layers that the waveform of one vector shows.

    The vector was sent to an idle design.  In a lone kernel a net of stage s holds its value after the input
    register's clock edge and s more; between blocks a stream shows it, beat by beat, when it is handed over.
    """
    return _in_streams(bundle, wave) if bundle.streams else _in_stages(bundle, network, wave)


def _in_streams(bundle: Bundle, wave: Path) -> dict[str, npt.NDArray[np.float64]]:
    nets = {f"{stream.name}_{part}" for stream in bundle.streams for part in ("valid", "ready", "data")}
    changes, edges = read_vcd(wave, nets)
    found = {}
    for stream in bundle.streams:
        valid, ready, data = (
            _sampled(changes.get(f"{stream.name}_{part}", []), edges) for part in ("valid", "ready", "data")
        )
        words = [word for word, offered, taken in zip(data, valid, ready, strict=True) if offered and taken]
        for layer in dict.fromkeys(element.layer for element in stream.elements) if words else ():
            values = [_raw(word, e) for word in words for e in stream.elements if e.layer == layer]
            found[layer] = np.array(values, dtype=np.float64)
    return found


def _sampled(changes: list[tuple[int, int]], edges: list[int]) -> list[int]:
    """A net's value just before each clock edge."""
    times, values = [time for time, _ in changes], [0, *(value for _, value in changes)]
    return [values[bisect_right(times, edge - 1)] for edge in edges]


def _raw(word: int, element: ElementInfo) -> int:
    raw = word >> element.lsb & ((1 << element.width) - 1)
    return raw - (1 << element.width) if element.signed and raw >> (element.width - 1) & 1 else raw


def _in_stages(bundle: Bundle, network: Network, wave: Path) -> dict[str, npt.NDArray[np.float64]]:
    wanted = {probe.net for probes in bundle.probes.values() for probe in probes if probe.net}
    changes, edges = read_vcd(wave, wanted | {"in_valid"})
    accepted = next(i for i, time in enumerate(edges) if _at(changes.get("in_valid", []), time - 1) == 1)
    found = {}
    for layer, probes in bundle.probes.items():
        if all(probe.net or probe.constant is not None for probe in probes):
            values = [_probed(probe, changes, edges, accepted) for probe in probes]
            found[layer] = np.ldexp(np.array(values), network.layer(layer).result.fraction)
    return found


def _probed(probe: ProbeInfo, changes: Changes, edges: list[int], accepted: int) -> float:
    if probe.net is None:
        return float(probe.constant or 0.0)
    time = edges[min(accepted + 1 + probe.stage, len(edges) - 1)] - 1
    raw = _at(changes.get(probe.net, []), time)
    if probe.signed and raw >> (probe.width - 1) & 1:
        raw -= 1 << probe.width
    return float(raw * 2.0**-probe.fraction)


def _at(changes: list[tuple[int, int]], time: int) -> int:
    value = 0
    for when, new in changes:
        if when > time:
            break
        value = new
    return value


def read_vcd(path: Path, names: set[str]) -> tuple[Changes, list[int]]:
    """Changes (time, value) of the named nets (the first of each name), and the times of rising clock edges."""
    codes: dict[str, str] = {}
    changes: Changes = {}
    edges: list[int] = []
    clock, time = "", 0
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if not words:
                continue
            if words[0] == "$var" and words[4] in names | {"clk"}:
                clock = words[3] if words[4] == "clk" and not clock else clock
                if words[4] in names and words[4] not in codes.values():
                    codes[words[3]] = words[4]
            elif words[0].startswith("#"):
                time = int(words[0][1:])
            else:
                code, bits = (words[1], words[0][1:]) if len(words) == 2 else (words[0][1:], words[0][:1])
                if code == clock and bits == "1":
                    edges.append(time)
                if code in codes:
                    changes.setdefault(codes[code], []).append((time, int(bits.replace("x", "0").replace("z", "0"), 2)))
    return changes, edges
