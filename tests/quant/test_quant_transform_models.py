"""Transforms of models with every type of layer: formats as written, integers equal to floats rounded alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from float_models import MODELS, calibrated, cnn, odd, rows

from bitwright.config.transform import TransformFile
from bitwright.errors import ConfigError
from bitwright.fixed import parse_format
from bitwright.network.reference import Reference
from bitwright.quant.fake import fake_quantized, inexact
from bitwright.quant.float_model import FloatModel, Kind
from bitwright.quant.health import integer_numbers
from bitwright.quant.lower import to_network
from bitwright.quant.transform import Transformed, transform
from bitwright.quant.transform_record import summarize

UNIFORM = 'by = "type"\n[default]\ndata = {width = 9, fraction = 4}\nweight = {width = 7, fraction = 5}\n'
CALIBRATED = 'by = "type"\n[default]\ndata = {width = 8}\nweight = {width = 6}\nbias = {width = 7}\n'
NARROW = 'by = "type"\n[default]\ndata = {width = 3, fraction = 1}\nweight = {width = 2, fraction = 1}\n'


def config(folder: Path, text: str) -> TransformFile:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return TransformFile(path)


def transformed(model: FloatModel, folder: Path, text: str) -> Transformed:
    return transform(model, config(folder, text), calibrated(model))


@pytest.mark.parametrize("text", [UNIFORM, CALIBRATED, NARROW], ids=["uniform", "calibrated", "narrow"])
@pytest.mark.parametrize("name", MODELS)
def test_integers_are_the_rounded_floats(tmp_path: Path, name: str, text: str) -> None:
    model = MODELS[name]()
    done, x = transformed(model, tmp_path, text), rows(model, 150)
    assert not inexact(done.model, done.plan)
    network = to_network(done.model, done.plan)
    floats = fake_quantized(done.model, done.plan, x)
    exact = integer_numbers(done.model, done.plan, network, Reference(network), x)
    for layer, numbers in exact.items():
        assert np.array_equal(numbers, floats[layer].reshape(len(x), -1)), layer


@pytest.mark.parametrize("name", MODELS)
def test_formats_are_those_written(tmp_path: Path, name: str) -> None:
    model = MODELS[name]()
    done = transformed(model, tmp_path, UNIFORM)
    record = summarize(done, config(tmp_path, UNIFORM), None)
    raw_input = name == "normalized"  # as fine as its normalization needs it
    for layer in record.layers:
        if layer.weight is not None:
            assert layer.weight == "fixed<7,2>"
        if layer.data is not None and not (raw_input and layer.type == "input"):
            fmt = parse_format(layer.data)
            assert (fmt.width, fmt.fraction) == (9, 4), layer.name
            assert fmt.signed == (layer.type not in ("relu", "sigmoid"))
    changed = {row.type for row in record.ops if row.changed}
    assert {kind.value for kind in {layer.kind for layer in model.layers} & {Kind.DENSE, Kind.CONV}} <= changed
    assert not changed & {"max_pool", "reshape", "zero_pad"}


def test_each_sort_of_product_by_its_type(tmp_path: Path) -> None:
    text = UNIFORM + "".join(
        f"[{kind}]\nweight = {{width = {width}, fraction = 3}}\n"
        for kind, width in (("conv", 4), ("depthwise", 5), ("dense", 6))
    )
    file = config(tmp_path, text)
    record = summarize(transform(cnn(), file, calibrated(cnn())), file, None)
    found = {layer.name: layer.weight for layer in record.layers if layer.weight}
    assert found == {
        "conv1": "fixed<4,1>", "depthwise": "fixed<5,2>", "pointwise": "fixed<4,1>", "logits": "fixed<6,3>",
    }  # fmt: skip


def test_one_of_two_outputs(tmp_path: Path) -> None:
    """The one that is named has its format; the other is as if no one were."""
    plain = CALIBRATED.replace('"type"', '"name"')
    none = transformed(odd(), tmp_path, plain)
    done = transformed(odd(), tmp_path, plain + "[out1]\ndata = {width = 6, fraction = 2}\n")
    network, before = to_network(done.model, done.plan), to_network(none.model, none.plan)
    assert network.layer(network.outputs[0]).result == parse_format("fixed<6,4,RND_CONV,SAT>")
    assert network.layer(network.outputs[1]).result == before.layer(before.outputs[1]).result
    assert done.plan["out2"].tensor.format.width == 8
    assert not none.plan["out1"].quantized
    both = transformed(odd(), tmp_path, plain + "[out1]\ndata = {width = 6}\n[out2]\ndata = {width = 4}\n")
    assert [both.plan[name].tensor.format.width for name in ("out1", "out2")] == [6, 4]


@pytest.mark.parametrize(("name", "key"), [("cnn", "max"), ("cnn", "flat"), ("odd", "pad")])
def test_layers_that_have_no_data_of_their_own(tmp_path: Path, name: str, key: str) -> None:
    text = f'by = "name"\n[{key}]\ndata = {{width = 6}}\n'
    with pytest.raises(ConfigError, match=f"config.toml:3: '{key}' .* hands on what it reads"):
        transformed(MODELS[name](), tmp_path, text)
