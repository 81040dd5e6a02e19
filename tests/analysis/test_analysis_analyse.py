"""The whole record: against numpy on the naive interpreter's values, and against itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import naive
import networks
import numpy as np
import pytest

from bitwright.analysis.analyse import Data, analyse
from bitwright.analysis.memory import in_bytes, peak
from bitwright.analysis.records import Analysis, DataRow, render_json, schema_text
from bitwright.analysis.tables import footnotes, tables
from bitwright.errors import UsageError
from bitwright.network import Network
from bitwright.network.layers import LAYER_KINDS, Cast, CastEach, Embedding, Input, Recurrent, Softmax, parameters
from bitwright.network.vectors import input_formats, random_rows

ROOT = Path(__file__).parents[2]
EVERY = networks.every_kind()
MLP = next(network for network in EVERY if network.name == "mlp")


def data(network: Network, rows: int = 40) -> Data:
    x = random_rows(input_formats(network), rows, np.random.default_rng(1))
    return Data(x, DataRow(source="test", rows=rows, random=True))


# --- against the naive interpreter -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["mlp", "conv2d", "several_outputs", "quantizers", "lstm"])
def test_statistics_of_activations(name: str) -> None:
    network = next(network for network in EVERY if network.name == name)
    made = data(network, 12)
    rows = [naive.evaluate(network, row) for row in made.x.tolist()]
    for row in analyse(network, made).layers:
        fmt = network.layer(row.name).result
        values = np.array([one[row.name] for one in rows], dtype=np.float64) * 2.0**-fmt.fraction
        found = row.statistics[-1]
        assert found.tensor == "result"
        assert (found.count, found.minimum, found.maximum) == (values.size, values.min(), values.max())
        assert found.mean == pytest.approx(values.mean(), abs=1e-12)
        assert found.variance == pytest.approx(values.var(), abs=1e-12)
        assert found.zero_share == np.mean(values == 0)
        for share, value in found.quantiles.items():
            assert value == np.quantile(values, float(share), method="inverted_cdf")


def test_statistics_of_weights() -> None:
    for network in EVERY:
        for row in analyse(network).layers:
            layer = network.layer(row.name)
            for found in row.statistics:
                values = getattr(layer, found.tensor).value
                assert (found.minimum, found.maximum) == (values.min(), values.max())
                assert found.mean == pytest.approx(values.mean(), abs=1e-9)
                assert sum(found.histogram.counts) == found.count == values.size


# --- the parts of the record -----------------------------------------------------------------------


@pytest.mark.parametrize("network", EVERY, ids=lambda network: network.name)
def test_rows_and_sums(network: Network) -> None:
    found = analyse(network, data(network, 5))
    assert [row.name for row in found.layers] == [layer.name for layer in network.layers]
    for field in ("macs", "flops", "bitops", "ebops", "nonzero_macs", "backward_flops_estimate"):
        assert getattr(found.total.work, field) == sum(getattr(row.work, field) for row in found.layers)
    assert found.total.parameters == sum(parameters(layer)[0] for layer in network.layers)
    assert sum(kind.layers for kind in found.kinds) == found.total.layers == len(network.layers)
    for row in found.layers:
        work = row.work
        assert work.bitops == work.product_bitops + work.bias_bitops + work.other_bitops
        assert work.nonzero_macs <= work.macs <= work.multiplications
        assert (work.backward_flops_estimate, work.backward_bitops_estimate) == (2 * work.flops, 2 * work.bitops)
        assert row.precision.used_bits is not None
        assert row.precision.used_bits <= row.precision.proved_bits <= row.precision.width


def test_memory_is_bits_of_every_value() -> None:
    for network in EVERY:
        for row in analyse(network).layers:
            layer, kept = network.layer(row.name), row.memory
            constants: list[Any] = [getattr(layer, s.tensor) for s in row.statistics]
            assert kept.weight_bits + kept.table_bits == sum(c.raw.size * c.format.width for c in constants)
            assert kept.activation_bits == np.prod(layer.shape) * layer.result.width
            if isinstance(layer, Embedding):
                assert kept.table_bits == 0
            if isinstance(layer, Softmax):
                assert kept.weight_bits == 0
            if isinstance(layer, CastEach):
                assert not constants
            if isinstance(layer, Recurrent):
                assert kept.table_bits == (layer.table.raw.size + layer.gate_table.raw.size) * 12 or not kept.table_bits
    assert [in_bytes(bits) for bits in (0, 1, 8, 9)] == [0, 1, 1, 2]


def test_peak_of_results_alive() -> None:
    draft = networks.Draft("alive")
    x = draft.input(10, "fixed<4,2>")  # 40 bits, read by the next two
    a = draft.cast(x, "fixed<8,2>")  # 80
    b = draft.cast(x, "fixed<2,2>")  # 20
    c = draft.merge(networks.MergeOp.ADD, a, b, "fixed<8,4>")  # 80
    draft.cast(c, "fixed<1,1>")  # 10
    assert peak(draft.network()) == max(40, 40 + 80, 40 + 80 + 20, 80 + 20 + 80, 80 + 10)
    assert peak(draft.network(x, draft.layers[-1])) == 40 + 80 + 20 + 80  # type: ignore[arg-type]


def test_precision_of_constants() -> None:
    draft = networks.Draft("precise")
    x = draft.input(2, "fixed<6,3>")
    raw = {"raw": [8, -24, 0, 4], "raw_bias": [0, 0]}
    draft.dense(x, 2, weight="fixed<9,4>", bias="fixed<5,2>", accum="fixed<20,9>", result="fixed<20,9>", **raw)
    weight, bias = analyse(draft.network()).layers[1].precision.constants
    assert (weight.used_bits, weight.unused_fraction_bits, weight.values) == (6, 2, 4)
    assert (bias.used_bits, bias.unused_fraction_bits, bias.values) == (0, 5, 1)


# --- filters ---------------------------------------------------------------------------------------


def test_filters_by_name_and_by_kind() -> None:
    all_of = analyse(MLP)
    some = analyse(MLP, names=["dense*"])
    assert [row.name for row in some.layers] == [row.name for row in all_of.layers if row.name.startswith("dense")]
    assert [row.kind for row in analyse(MLP, kinds=["cast", "relu"]).layers] == ["Cast", "Relu", "Cast"]
    assert some.total == all_of.total
    assert some.kinds == all_of.kinds
    assert some.selected == ("dense*",)
    seen = analyse(MLP, data(MLP), names=["dense2"]).layers
    assert [s.tensor for s in seen[0].statistics] == ["weight", "bias", "result"]


@pytest.mark.parametrize(
    ("names", "kinds", "words"),
    [
        (["dens2"], [], "no layer is named 'dens2'\n  -> did you mean 'dense2'?"),
        (["dense*", "x*y"], [], "no layer is named 'x*y'"),
        ([], ["Dens"], "no layer is of kind 'Dens'\n  -> did you mean 'Dense'? kinds here: Cast, Dense, Input, Relu"),
        (["dense2"], ["Relu"], "no layer is both named dense2 and of kind Relu"),
    ],
)
def test_a_filter_that_matches_nothing(names: list[str], kinds: list[str], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        analyse(MLP, names=names, kinds=kinds)
    assert words in str(caught.value)


# --- what is written -------------------------------------------------------------------------------


def test_the_published_schema_is_the_records() -> None:
    assert (ROOT / "docs" / "analysis.schema.json").read_text(encoding="utf-8") == schema_text()


def test_json_comes_back() -> None:
    found = analyse(MLP, data(MLP))
    text = render_json(found)
    assert Analysis.model_validate_json(text) == found
    assert json.loads(text)["schema_version"] == "1.0"
    assert render_json(analyse(MLP, data(MLP))) == text


def test_tables_hold_every_layer() -> None:
    found = analyse(MLP, data(MLP))
    made = list(tables(found))
    assert [table.title.plain for table in made if hasattr(table.title, "plain")] == [
        "mlp: layers", "kinds", "work of one inference", "memory", "precision", "statistics",
    ]  # fmt: skip
    assert made[0].row_count == len(MLP.layers)
    assert made[2].row_count == sum(not isinstance(layer, Cast | Input) for layer in MLP.layers) + 1
    assert "40 rows" in " ".join(footnotes(found))
    assert "statistics of constants only" in " ".join(footnotes(analyse(MLP)))


def test_every_kind_has_its_row_in_the_docs() -> None:
    text = (ROOT / "docs" / "analysis.md").read_text(encoding="utf-8")
    listed = {word for line in text.splitlines() if line.startswith("| ") for word in line.split("|")[1].split(", ")}
    assert set(LAYER_KINDS) <= {word.strip() for word in listed}
