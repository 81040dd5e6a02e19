"""What a Network costs: its RTL, counted by Yosys module by module; and features that foretell the count."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from bitwright.config import TargetConfig
from bitwright.eda.tools import YosysTool, find_yosys
from bitwright.eda.yosys import ModuleJob, SynthOptions, plan, synthesize
from bitwright.files import to_json
from bitwright.network import Network
from bitwright.network.layers import Conv, Dense
from bitwright.report.parsers.yosys import parse_yosys_stat
from bitwright.report.records import FigureStage
from bitwright.rtl.bundle import Bundle
from bitwright.rtl.emit import emit
from bitwright.stages.synthesis import module_jobs, synth_options

Counts = dict[str, float]


class Counted(Protocol):
    """Where counts of modules are kept by the digest of everything that decides them."""

    def module(self, key: str) -> Counts | None:
        """The counts of a module; None where it was never synthesized."""

    def add_module(self, key: str, counts: Counts) -> None:
        """Keep them."""


@dataclass(frozen=True, slots=True)
class Built:
    """A Network's RTL in a folder."""

    network: Network
    bundle: Bundle
    folder: Path


def build_rtl(network: Network, target: TargetConfig, folder: Path) -> Built:
    """Emit the RTL into the empty folder.

    Raises:
        UnsupportedLayerError: a layer has no hardware, or the device has no room for the weights.
    """
    return Built(network, emit(network, target, folder), folder)


def features(built: Built) -> Counts:
    """What LUTs are estimated from.

    ``adders``: alkaid's estimate of the adder graphs (by formula for folded layers); ``registers``: bits of pipeline
    registers, about; ``bitops``: products that are not by zero, times both widths; ``folded``: the part of ``adders``
    that is in time-multiplexed layers, which the formula rates otherwise.
    """
    kernel = set(built.bundle.inside(built.bundle.kernel.module))
    modules = [module for module in built.bundle.modules if module.name in kernel]
    folded = {layer.name for layer in built.network.layers if isinstance(layer, Dense) and layer.reuse_factor > 1}
    return {
        "adders": float(sum(module.estimated_lut for module in modules)),
        "registers": float(sum(module.registers for module in modules)),
        "bitops": _bitops(built.network),
        "folded": float(sum(module.estimated_lut for module in modules if folded & set(module.layers))),
    }


def _bitops(network: Network) -> float:
    """Of layers with weights, zeros not counted."""
    total = 0.0
    for layer in network.layers:
        if isinstance(layer, Dense | Conv):
            source = network.layer(layer.sources[0]).result
            positions = np.prod(layer.shape[:-1]) if isinstance(layer, Conv) else 1
            products = np.count_nonzero(layer.weight.raw) * float(positions)
            total += products * source.width * layer.weight.format.width
    return total


def count_cells(built: Built, target: TargetConfig, known: Counted, workers: int = 1) -> Counts:
    """LUT, FF, DSP, ... of the quoted design (the bare kernel), as the report of the whole chain has them.

    Modules whose sources, script and Yosys are the same as an earlier one's are not synthesized again.

    Raises:
        ToolNotFoundError: no Yosys.  ToolFailedError: Yosys failed.
    """
    tool = find_yosys()
    options = synth_options(target.family)
    wanted = built.bundle.inside(built.bundle.kernel.module)
    jobs = [job for job in module_jobs(built.bundle, built.folder) if job.top in wanted]
    keys = {job.top: _key(job, target.family, options, tool) for job in jobs}
    found = {top: known.module(key) for top, key in keys.items()}
    missing = [job for job in jobs if found[job.top] is None]
    for result in _synthesized(missing, target.family, options, tool, workers):
        boxes = tuple(top for top in keys if top != result[0])
        found[result[0]] = _counts(result[1], result[0], boxes, tool.version)
        known.add_module(keys[result[0]], found[result[0]] or {})
    total = Counter[str]()
    for top in wanted:
        total.update(found[top] or {})
    return {"LUT": 0.0, **total}


def _key(job: ModuleJob, family: str, options: SynthOptions, tool: YosysTool) -> str:
    return hashlib.sha256(to_json(plan(job, family, options, tool).inputs()).encode()).hexdigest()


def _synthesized(
    jobs: Sequence[ModuleJob], family: str, options: SynthOptions, tool: YosysTool, workers: int
) -> list[tuple[str, str]]:
    """Each module's name and Yosys' statistics."""
    if not jobs:
        return []
    with tempfile.TemporaryDirectory(prefix="bitwright-explore-") as folder:
        results = synthesize(jobs, family=family, out=Path(folder), tool=tool, options=options, workers=workers)
        return [(result.top, result.stat.read_text(encoding="utf-8")) for result in results]


def _counts(stat: str, top: str, boxes: tuple[str, ...], version: str) -> Counts:
    parsed = parse_yosys_stat(
        stat, "stat.json", part="", tool_version=version, stage=FigureStage.POST_SYNTH, black_boxes=boxes
    )
    return {m.metric: float(m.value) for m in parsed if m.design == top}
