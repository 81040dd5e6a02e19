"""Transforms by a config: formats as written, and the bits that follow, against rationals."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bitwright.config.transform import TransformFile
from bitwright.errors import BitwrightError, ConfigError, UsageError
from bitwright.fixed import FixedFormat, parse_format
from bitwright.network.reference import Reference
from bitwright.quant.calibrate import Calibration, calibrate
from bitwright.quant.float_model import FloatLayer, FloatModel, Kind
from bitwright.quant.lower import to_network
from bitwright.quant.transform import Transformed, transform
from bitwright.quant.transform_record import TransformRecord, render_json, schema_text, summarize, tables

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(7)
ROWS = RNG.normal(size=(64, 4))
EXPLICIT = """
by = "type"
[default]
data = {width = 8, fraction = 4}
weight = {width = 7, fraction = 5}
bias = {width = 9, fraction = 6}
"""


def single(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).astype(np.float64)


def dense(name: str, source: str, shape: tuple[int, int]) -> FloatLayer:
    weights = {"weight": single(RNG.normal(0, 0.7, shape)), "bias": single(RNG.normal(0, 0.7, shape[1]))}
    return FloatLayer(name, Kind.DENSE, (source,), (shape[1],), weights)


def relu(name: str, source: str, n: int) -> FloatLayer:
    return FloatLayer(name, Kind.RELU, (source,), (n,), {}, {"limit": None})


MODEL = FloatModel(
    "net",
    (
        FloatLayer("x", Kind.INPUT, (), (4,)), dense("fc1", "x", (4, 5)), relu("relu1", "fc1", 5),
        FloatLayer("flat", Kind.RESHAPE, ("relu1",), (5,)), dense("fc2", "flat", (5, 5)), relu("relu2", "fc2", 5),
        dense("out", "relu2", (5, 2)),
    ),
    ("out",),
)  # fmt: skip


def config(folder: Path, text: str) -> TransformFile:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return TransformFile(path)


def seen() -> Calibration:
    return calibrate(MODEL, [ROWS])


# --- the bits ------------------------------------------------------------------------------------


def rounded(value: Fraction, fmt: FixedFormat) -> Fraction:
    """Nearest, ties to even, limited to the format."""
    step = Fraction(2) ** -fmt.fraction
    return step * min(max(round(value / step), fmt.min), fmt.max)


def exact(values: np.ndarray, fmt: FixedFormat) -> list[list[Fraction]]:
    return [[rounded(Fraction(float(v)), fmt) for v in row] for row in np.atleast_2d(values)]


def by_rationals(row: np.ndarray, formats: Mapping[str, tuple[str, str, str]]) -> list[Fraction]:
    """The model in exact arithmetic: data, weight and bias of each layer in their formats, or '-' for no rounding."""
    x = exact(row, parse_format(formats["x"][0]))[0]
    for layer in MODEL.layers:
        if layer.kind is Kind.DENSE:
            _, weight, bias = formats[layer.name]
            w = exact(layer.weights["weight"], parse_format(weight))
            b = exact(layer.weights["bias"], parse_format(bias))[0]
            x = [b[j] + sum((x[i] * w[i][j] for i in range(len(x))), Fraction()) for j in range(len(b))]
        if layer.kind is Kind.RELU:
            x = [max(v, Fraction()) for v in x]
        data = formats.get(layer.name, ("-",))[0]
        if data != "-" and layer.kind is not Kind.INPUT:
            x = [rounded(v, parse_format(data)) for v in x]
    return x


def outputs(done: Transformed, rows: np.ndarray, input_format: str) -> list[list[Fraction]]:
    network = to_network(done.model, done.plan)
    fmt = parse_format(input_format)
    raw = np.array([[int(v * Fraction(2) ** fmt.fraction) for v in row] for row in exact(rows, fmt)])
    found = Reference(network).outputs(raw)
    fraction = network.layer(network.outputs[0]).result.fraction
    return [[Fraction(int(v)) * Fraction(2) ** -fraction for v in row] for row in found]


NAMED = """
["fc*"]
weight = {width = 3, fraction = 1}
bias = {width = 8, fraction = 5}
["re:(fc|relu)2"]
data = {width = 5, fraction = 2, signed = true}
[fc2]
bias = {width = 4, fraction = 1}
[x]
data = {width = 6, fraction = 4}
"""
FORMATS = {
    EXPLICIT: {
        "x": ("fixed<8,4>",),
        "fc1": ("-", "fixed<7,2>", "fixed<9,3>"), "relu1": ("ufixed<8,4>",),
        "fc2": ("-", "fixed<7,2>", "fixed<9,3>"), "relu2": ("ufixed<8,4>",),
        "out": ("-", "fixed<7,2>", "fixed<9,3>"),
    },
    EXPLICIT + "[dense]\nweight = {width = 4, fraction = 3}\ndata = {width = 6, fraction = 3}\n": {
        "x": ("fixed<8,4>",),
        "fc1": ("-", "fixed<4,1>", "fixed<9,3>"), "relu1": ("ufixed<6,3>",),
        "fc2": ("-", "fixed<4,1>", "fixed<9,3>"), "relu2": ("ufixed<6,3>",),
        "out": ("fixed<6,3>", "fixed<4,1>", "fixed<9,3>"),
    },
    EXPLICIT.replace('"type"', '"name"') + NAMED: {
        "x": ("fixed<6,2>",),
        "fc1": ("-", "fixed<3,2>", "fixed<8,3>"), "relu1": ("ufixed<8,4>",),
        "fc2": ("-", "fixed<3,2>", "fixed<4,3>"), "relu2": ("fixed<5,3>",),
        "out": ("-", "fixed<7,2>", "fixed<9,3>"),
    },
}  # fmt: skip


@pytest.mark.parametrize("text", FORMATS, ids=["default", "type", "name"])
@pytest.mark.parametrize("calibrated", [False, True])
def test_bits_are_those_of_the_formats_written(tmp_path: Path, text: str, calibrated: bool) -> None:
    formats: dict[str, tuple[str, ...]] = FORMATS[text]
    done = transform(MODEL, config(tmp_path, text), seen() if calibrated else None)
    expected = [by_rationals(row, formats) for row in 3 * ROWS]  # type: ignore[arg-type]
    assert outputs(done, 3 * ROWS, formats["x"][0]) == expected


def test_a_width_alone_is_calibrated(tmp_path: Path) -> None:
    text = 'by = "type"\n[default]\ndata = {width = 7}\nweight = {width = 5}\nbias = {width = 6}\n'
    done = transform(MODEL, config(tmp_path, text), seen())
    record = summarize(done, config(tmp_path, text), seen())
    formats = {}
    for layer in record.layers:
        plain = [f.split(",RND")[0].rstrip(">") + ">" for f in (layer.data, layer.weight) if f]
        formats[layer.name] = plain
        assert all(parse_format(f).width == w for f, w in zip(plain, (7, 5) if layer.data else (5,), strict=False))
    assert record.rows == 64
    biases = [layer.weights["bias"] for layer in done.model.layers if layer.kind is Kind.DENSE]
    for bias in biases:  # at most 6 bits: whole numbers of a step within 64 of them
        steps = [Fraction(float(b)) for b in bias]
        step = Fraction(1, max(s.denominator for s in steps))
        assert all(-32 <= s / step <= 31 for s in steps)
        assert any(abs(s / step) >= 16 for s in steps), "and not coarser than that"


def test_a_bias_left_out_is_exact_at_the_products_scale(tmp_path: Path) -> None:
    text = EXPLICIT.replace("bias = {width = 9, fraction = 6}\n", "")
    formats = {
        name: (own[0], *(own[1:2]), *("fixed<40,31>" for _ in own[2:]))
        for name, own in FORMATS[EXPLICIT].items()
    }  # fmt: skip
    done = transform(MODEL, config(tmp_path, text))
    assert outputs(done, ROWS, "fixed<8,4>") == [by_rationals(row, formats) for row in ROWS]  # type: ignore[arg-type]


# --- the summary ---------------------------------------------------------------------------------


def test_what_changed(tmp_path: Path) -> None:
    file = config(tmp_path, EXPLICIT + "[relu]\ndata = {width = 6, fraction = 3}\n")
    record = summarize(transform(MODEL, file, seen()), file, seen())
    ops = {row.type: (row.total, row.changed, row.unchanged) for row in record.ops}
    assert ops == {"input": (1, 1, 0), "dense": (3, 3, 0), "relu": (2, 2, 0), "reshape": (1, 0, 1)}
    by_name = {layer.name: layer for layer in record.layers}
    assert by_name["relu1"].keys == ("relu",)
    assert by_name["relu1"].data == "ufixed<6,3,RND_CONV,SAT>"
    assert by_name["fc1"].weight == "fixed<7,2>"
    assert by_name["fc1"].data is None
    assert by_name["fc1"].bias == "fixed<9,3>"
    assert by_name["flat"].keys == ()
    weight = MODEL.by_name["fc1"].weights["weight"]
    held = np.array([[float(v) for v in row] for row in exact(weight, parse_format("fixed<7,2>"))])
    decibel = 10 * np.log10((weight**2).sum() / ((weight - held) ** 2).sum())
    assert by_name["fc1"].weight_sqnr_db == pytest.approx(decibel)
    far = np.abs(ROWS) > 8 - 1 / 32
    assert by_name["x"].clipped_share == far.mean()
    assert TransformRecord.model_validate_json(render_json(record)) == record
    assert [table.row_count for table in tables(record)] == [4, 7]


def test_values_that_a_format_limits_are_counted(tmp_path: Path) -> None:
    file = config(tmp_path, EXPLICIT + "[input]\ndata = {width = 5, fraction = 4}\n")
    record = summarize(transform(MODEL, file, seen()), file, seen())
    limited = [[not -1 - 1 / 32 <= v <= 15 / 16 + 1 / 32 for v in row] for row in ROWS]
    assert record.layers[0].clipped_share == np.mean(limited)


def test_the_published_schema_is_the_records() -> None:
    assert (ROOT / "docs" / "transform.schema.json").read_text(encoding="utf-8") == schema_text()


# --- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "text", "said"),
    [
        ("type", "[dens]\ndata = {width = 4}", "config.toml:6: 'dens' is no type of layer\n  -> did you mean 'dense'"),
        ("type", "[defualt]\ndata = {width = 4}", "config.toml:6: 'defualt' is no type of layer\n  -> did you mean"),
        ("type", "[conv]\ndata = {width = 4}", "config.toml:6: the model has no layer of type 'conv'"),
        ("name", "[fc3]\ndata = {width = 4}", "config.toml:6: no layer is named 'fc3'\n  -> did you mean 'fc2'?"),
        ("name", '["re:fc[34]"]\ndata = {width = 4}', "config.toml:6: no layer is named 're:fc[34]'"),
        ("name", '["re:fc("]\ndata = {width = 4}', "config.toml:6: 're:fc(' is no regular expression"),
        ("type", "[relu]\n\nweight = {width = 4}", "config.toml:8: what 'relu' matches (relu) has no weight"),
        ("name", "[x]\nbias = {width = 4}", "config.toml:7: what 'x' matches (input) has no bias"),
        ("name", "[flat]\ndata = {width = 4}", "config.toml:7: 'flat' (reshape) hands on what it reads"),
        ("name", "[fc1]\nbias = {width = 20, fraction = 10}", "config.toml:7: a bias of 10 fraction bits is finer"),
    ],
)  # fmt: skip
def test_keys_that_mean_nothing(tmp_path: Path, by: str, text: str, said: str) -> None:
    head = f'by = "{by}"\n[default]\ndata = {{width = 8, fraction = 4}}\nweight = {{width = 7, fraction = 5}}\n\n'
    with pytest.raises(ConfigError) as caught:
        transform(MODEL, config(tmp_path, head + text), seen())
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text", ['by = "type"', EXPLICIT + "[relu]\ndata = {width = 4}", EXPLICIT + "[input]\ndata = {width = 4}"]
)
def test_no_fraction_and_no_data(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="no 'fraction' for the data of this layer"):
        transform(MODEL, config(tmp_path, text))


def test_sums_too_wide(tmp_path: Path) -> None:
    text = EXPLICIT + "[dense]\nweight = {width = 32, fraction = 31}\ndata = {width = 32, fraction = 30}\n"
    with pytest.raises(BitwrightError, match="bits"):
        transform(MODEL, config(tmp_path, text), seen())
