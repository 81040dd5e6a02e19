"""The verb ``quantize``: a float Keras model to fixed point after training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from bitwright.errors import UnusableError, UsageError

PATH = click.Path(path_type=Path)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def add_verbs(main: click.Group) -> None:
    """Put the verbs below ``main``."""
    main.add_command(quantize)


OPTIONS = (
    click.option("--bits", type=int, default=8, show_default=True, help="Bits of weights and activations, 2 to 32."),
    click.option("--weight-bits", type=int, help="Bits of weights. Default: --bits."),
    click.option("--activation-bits", type=int, help="Bits of activations. Default: --bits."),
    click.option(
        "--layer", "layers", multiple=True, metavar="NAME=W,A",
        help="Bits of one layer's weights and activations, or of all that match a pattern such as 'conv*'; repeatable.",
    ),
    click.option("--calibrate", metavar="DATA", help="Rows for ranges: .npz with x (and y), .npy, .csv, or a model of"
                 " the zoo for its data. Default: the model's own data."),
    click.option(
        "--method", type=click.Choice(["minmax", "percentile", "mse", "entropy"]), default="mse", show_default=True,
        help="How ranges of activations are chosen.",
    ),
    click.option(
        "--weight-method", type=click.Choice(["minmax", "percentile", "mse"]), default="mse", show_default=True,
        help="How ranges of weights are chosen.",
    ),
    click.option("--percentile", type=float, default=99.99, show_default=True, help="Of --method percentile."),
    click.option("--per-channel/--per-tensor", default=True, help="Scales of weights. Default: per channel."),
    click.option(
        "--scale", type=click.Choice(["po2", "real", "affine"]), default="po2", show_default=True,
        help="Powers of two (pure fixed point), real numbers, or real numbers with zero points.",
    ),
    click.option(
        "--symmetric-form", "form", type=click.Choice(["full", "restricted"]), default="restricted", show_default=True,
        help="S = 2 max / (2^b - 1), or S = max / (2^(b-1) - 1).",
    ),
    click.option("--output-bits", type=int, help="Bits of the outputs. Default: as exact as the sums are."),
    click.option(
        "--head", type=click.Choice(["logits", "model"]), default="logits", show_default=True,
        help="What the hardware ends with: before a final softmax or sigmoid, or the sigmoid as hls4ml's table.",
    ),
    click.option(
        "--input-norm", type=click.Choice(["keep", "fold"]), default="keep", show_default=True,
        help="A normalization of the inputs: kept in fixed point, or folded into the first layer.",
    ),
    click.option("--equalize", is_flag=True, help="Cross-layer equalization (Nagel et al., ICCV 2019)."),
    click.option(
        "--rounding", type=click.Choice(["nearest", "gptq"]), default="nearest", show_default=True,
        help="gptq: adaptive rounding (Frantar et al., ICLR 2023).",
    ),
    click.option("--bias-correction", is_flag=True, help="Take back the mean error (Nagel et al., ICCV 2019)."),
)  # fmt: skip


def _with_options(function: Any) -> Any:
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@click.command()
@click.argument("model")
@click.option("-o", "--out", type=PATH, required=True, help="Folder for the quantized model.")
@_with_options
@click.option("--weights", type=FILE, help="Weights of a .json model, if not beside it.")
@click.option("--root", type=PATH, default=Path(), help="Folder with models/. Default: here.")
@click.option("--json", "as_json", is_flag=True, help="Print quantization.json; no progress.")
def quantize(
    model: str, out: Path, calibrate: str | None, weights: Path | None, root: Path, as_json: bool, **choices: Any
) -> None:
    r"""Quantize the float (or QKeras) model MODEL after training, into a folder that 'bitwright run' takes.

    \b
        bitwright quantize jet3 --bits 6 -o quantized
        bitwright quantize my.h5 --bits 8 --calibrate rows.npz --method percentile -o quantized
        bitwright run quantized
    Written are model.h5 (QKeras), hls.yaml (every type), model.yaml, network.json, quantization.json, health.md and
    plots.  Formulas, sources and measurements: docs/quantization.md.
    Exit code: 0 if the health check finds the model usable, 6 if not (the folder is written all the same).
    """
    from bitwright.files import read_json
    from bitwright.quant.folder import RECORD, check_folder

    check_folder(out)
    quantized = _quantized(model, out, calibrate, weights, root, _recipe(choices), quiet=as_json)
    if as_json:
        click.echo(json.dumps(read_json(out / RECORD)))
    else:
        _print(quantized, out)
    if not quantized.usable:
        worst = next(f for f in quantized.findings if f.severity.value == "fatal")
        raise UnusableError(f"not usable: {worst.layer}: {worst.what}", where=str(out / "health.md"), hint=worst.cure)


def _quantized(
    model: str, out: Path, calibrate: str | None, weights: Path | None, root: Path, recipe: Any, *, quiet: bool
) -> Any:
    from bitwright.quant.data import read_data
    from bitwright.quant.float_model import read_model
    from bitwright.quant.folder import Origin, quantized_name, write_folder
    from bitwright.quant.pipeline import quantize as run
    from bitwright.stages import job as jobs
    from bitwright.stages.runner import printer

    say = printer("quantize", quiet=quiet)
    config, _ = jobs.find_model(model, root, weights)
    own = config.data.file if config.data else None
    source = _data_file(calibrate, root) or own
    if source is None:
        raise UsageError("no data to calibrate with", where=model, hint="give --calibrate DATA: .npz, .npy or .csv")
    data = read_data(source)
    tried = read_data(own) if own is not None and own != source else data
    path = config.float_model or config.source
    say(f"reading {path.name}: loading TensorFlow")
    floats = read_model(path, quantized_name(config.name, recipe.bits), config.weights)
    quantized = run(floats, data, recipe, tried, say)
    say("writing the QKeras model: loading TensorFlow")
    write_folder(quantized, recipe, Origin(config, path, tried), out)
    return quantized


def _data_file(text: str | None, root: Path) -> Path | None:
    """The rows that --calibrate names: a file, or the data of a model of the zoo."""
    from bitwright.stages import job as jobs

    if text is None or Path(text).is_file() or Path(text).suffix:
        return Path(text) if text is not None else None
    config, _ = jobs.find_model(text, root)
    if config.data is None:
        raise UsageError(f"the model '{text}' names no data", hint="give a .npz, .npy or .csv file")
    return config.data.file


def _recipe(choices: dict[str, Any]) -> Any:
    from bitwright.quant.options import Bits, Form, Method, Options, ScaleKind
    from bitwright.quant.pipeline import Recipe, Repair

    bits = Bits(choices["weight_bits"] or choices["bits"], choices["activation_bits"] or choices["bits"])
    options = Options(
        method=Method(choices["method"]), weight_method=Method(choices["weight_method"]),
        percentile=choices["percentile"], per_channel=choices["per_channel"], scale=ScaleKind(choices["scale"]),
        form=Form(choices["form"]), output_bits=choices["output_bits"],
    )  # fmt: skip
    wanted = {
        Repair.EQUALIZE: choices["equalize"], Repair.GPTQ: choices["rounding"] == "gptq",
        Repair.BIAS: choices["bias_correction"],
    }  # fmt: skip
    layers = dict(_layer_bits(text) for text in choices["layers"])
    repairs = tuple(repair for repair, asked in wanted.items() if asked)
    return Recipe(bits, layers, options, repairs, choices["input_norm"] == "fold", choices["head"] == "logits")


def _layer_bits(text: str) -> tuple[str, Any]:
    from bitwright.quant.options import Bits

    name, _, widths = text.partition("=")
    numbers = widths.split(",")
    if not name or len(numbers) not in (1, 2) or not all(number.strip().isdigit() for number in numbers):
        raise UsageError(f"--layer {text}", hint="write it as NAME=W,A, such as conv1=6,8, or NAME=8 for both")
    return name, Bits(int(numbers[0]), int(numbers[-1]))


def _print(quantized: Any, out: Path) -> None:
    from bitwright.quant.record import stripped_values

    for line in stripped_values(quantized, 3):
        click.echo(f"stripped: {line}")
    for finding in quantized.findings:
        click.echo(str(finding))
    found = quantized.quality
    if found is not None:
        click.echo(f"{found.metric}: float {found.floats:.4f}, integers {found.integers:.4f} ({found.rows:,} rows)")
    state = "usable" if quantized.usable else "NOT USABLE"
    click.echo(f"{quantized.model.name}: {state}; {out}/health.md; go on with 'bitwright run {out}'")
