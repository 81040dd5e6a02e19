"""quantization.json and health.md: what was decided, what it does to every layer, and what is wrong with it."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any

from bitwright import __version__
from bitwright.fixed import FixedFormat
from bitwright.quant.float_model import FloatLayer
from bitwright.quant.health import LayerHealth
from bitwright.quant.layer_plan import LayerPlan, QuantPlan
from bitwright.quant.pipeline import Quantized, Recipe
from bitwright.quant.ranges import Clipped
from bitwright.report.numbers import count

FILE_VERSION = 1
LISTED = 8
"""Values far out that are listed."""


def plain(value: Any) -> Any:
    """Plain data of a dataclass, an enum or a format."""
    if isinstance(value, FixedFormat):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def to_data(quantized: Quantized, recipe: Recipe, inputs: dict[str, str]) -> dict[str, Any]:
    """Everything as plain data for quantization.json.

    Args:
        quantized: what came of it.
        recipe: what was asked for.
        inputs: digests of the files that it was made from, by name.
    """
    health = {own.layer: own for own in quantized.health.layers}
    kinds = quantized.model.by_name
    return {
        "file_version": FILE_VERSION,
        "bitwright_version": __version__,
        "name": quantized.model.name,
        "inputs": inputs,
        "recipe": plain(recipe),
        "calibration_rows": quantized.calibration.rows,
        "layers": [
            _layer(layer, quantized.plan[layer.name], health[layer.name]) for layer in quantized.model.layers
        ],
        "quantizers": {
            "inputs": [_port(layer, quantized.plan) for layer in quantized.model.inputs],
            "outputs": [_port(kinds[name], quantized.plan) for name in quantized.model.outputs],
        },
        "findings": [plain(finding) for finding in quantized.findings],
        "quality": plain(quantized.quality),
        "usable": quantized.usable,
    }  # fmt: skip


def _port(layer: FloatLayer, plan: QuantPlan) -> dict[str, Any]:
    """An input or output with the shape of one inference, whatever batch the model was saved with."""
    return {"shape": [1, *layer.shape], **quantizer(plan[layer.name])}


def quantizer(plan: LayerPlan) -> dict[str, Any]:
    """How a tensor holds its numbers: ``scale * (raw * 2**-fraction - zero)``."""
    tensor = plan.tensor
    return {
        "layer": plan.name, "format": str(tensor.format), "scale": tensor.scale, "zero": tensor.zero,
        "step": tensor.step, "low": tensor.low, "high": tensor.high, "rounds": plan.quantized,
    }  # fmt: skip


def _layer(layer: FloatLayer, plan: LayerPlan, health: LayerHealth) -> dict[str, Any]:
    data = {"kind": layer.kind.value, "shape": list(layer.shape), **plain(plan), "tensor": quantizer(plan)}
    measured = {key: value for key, value in plain(health).items() if key not in ("layer", "kind", "format")}
    return data | {"health": measured, "clipped": _clipped(plan.clipped)}


def _clipped(found: Clipped | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {**plain(found), "farthest": [plain(extreme) for extreme in found.farthest[:LISTED]]}


# --- health.md ---------------------------------------------------------------------------------


def to_markdown(quantized: Quantized, recipe: Recipe) -> str:
    """The health report as Markdown."""
    parts = [_head(quantized, recipe), _findings(quantized), _table(quantized), _stripped(quantized)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(quantized: Quantized, recipe: Recipe) -> str:
    bits, options, found = recipe.bits, recipe.options, quantized.quality
    lines = [
        f"# {quantized.model.name}: {'usable' if quantized.usable else 'NOT USABLE'}",
        "",
        f"- {bits.weight}-bit weights, {bits.activation}-bit activations"
        + (f"; others in {', '.join(recipe.layers)}" if recipe.layers else ""),
        f"- ranges by {options.method.value} (weights: {options.weight_method.value}), scales: {options.scale.value}, "
        f"{'per channel' if options.per_channel else 'per tensor'}, symmetric form: {options.form.value}",
        f"- calibrated with {count(quantized.calibration.rows)} rows; tried on {count(len(quantized.health.floats))}",
    ]
    if recipe.repairs:
        lines.append(f"- repairs: {', '.join(repair.value for repair in recipe.repairs)}")
    if found is not None:
        lines.append(f"- {found.metric}: float {found.floats:.4f}, integers {found.integers:.4f}")
    return "\n".join([*lines, "", "![signal to noise](plots/sqnr.svg)", "", "![use of ranges](plots/ranges.svg)"])


def _findings(quantized: Quantized) -> str:
    if not quantized.findings:
        return "## Findings\n\nNone."
    lines = [f"- **{f.severity.value}** `{f.layer}`: {f.what}. Cure: {f.cure}." for f in quantized.findings]
    return "\n".join(["## Findings", "", *lines])


def _table(quantized: Quantized) -> str:
    head = "| layer | kind | format | range in use | limited | zero | SQNR dB | weights | accumulator |"
    rows = [_row(own, quantized.plan[own.layer]) for own in quantized.health.layers]
    return "\n".join(["## Layers", "", head, "|" + " --- |" * 9, *rows])


def _row(own: LayerHealth, plan: LayerPlan) -> str:
    use = "exact" if own.range_use is None else f"{own.range_use:.0%}"
    noise = "exact" if own.sqnr_db is None else f"{own.sqnr_db:.1f}"
    weight = plan.weight.format if plan.weight else ""
    cells = (
        own.layer, own.kind, own.format, use, f"{own.saturated:.2%}", f"{own.zeros:.1%}", noise, weight,
        plan.accum or "",
    )  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def stripped_values(quantized: Quantized, listed: int = LISTED) -> list[str]:
    """A line for each tensor whose range leaves out values of the calibration: how many, and the farthest."""
    lines = []
    for name, plan in quantized.plan.layers.items():
        found = plan.clipped
        if found is not None:
            values = ", ".join(f"{e.value:g} (row {e.row}, element {e.element})" for e in found.farthest[:listed])
            about = "" if found.exact else "about "
            lines.append(
                f"{name}: {about}{count(found.count)} values outside {found.low:g} to {found.high:g}: {values}"
            )
    return lines


def _stripped(quantized: Quantized) -> str:
    lines = [f"- {line}" for line in stripped_values(quantized)]
    return "\n".join(["## Values of the calibration that were stripped", "", *lines]) if lines else ""
