"""Every sort of layer, as arrays and as streams: hls4ml's C++ and our reference give the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
from emulated import Case, call, emulate_all

pytestmark = pytest.mark.hls

FEW = (
    "conv2d:io_stream:1", "pool:io_stream:1", "places:io_parallel:1", "activations:io_parallel:1",
    "binary:io_parallel:2", "recurrent:io_stream:1", "embedding:io_parallel:1", "norms:io_parallel:1",
    "bidirectional_folded:io_parallel:1", "garnet:io_parallel:1",
)  # fmt: skip
MORE = (
    "conv1d:io_parallel:1", "merges:io_parallel:1", "embedding:io_stream:2", "power_windows:io_parallel:12",
    "legacy:io_parallel:1",
    "separable2d:io_stream:1", "pool:io_parallel:1", "pool_padded:io_parallel:1", "quantized:io_stream:1",
    "powers:io_parallel:1", "power_windows:io_stream:4", "legacy:io_stream:1", "bidirectional:io_parallel:1",
    "distributed:io_parallel:1", "recurrent_folded:io_stream:1", "recurrent_folded:io_parallel:2",
)  # fmt: skip
SORTS = (
    "conv1d",
    "conv2d",
    "separable1d",
    "separable2d",
    "pool",
    "places",
    "cnn",
    "activations",
    "quantized",
    "binary",
    "powers",
    "power_windows",
    "legacy",
    "embedding",
)
SWEEP = tuple(f"{sort}:{io}:{seed}" for sort in SORTS for io in ("io_parallel", "io_stream") for seed in (11, 12, 13))
ARRAYS = tuple(
    f"{sort}:io_parallel:{seed}"
    for sort in ("pool_padded", "norms", "merges", "bidirectional", "distributed", "garnet")
    for seed in (11, 12, 13)
)
MANY = tuple(dict.fromkeys(MORE + SWEEP + ARRAYS))
REFUSED = {
    "power_windows:io_parallel:1": "powers of two down to 2**-2 of fixed<3,-2> in a saturating sum",
    "ternary:io_parallel:1": "for which hls4ml 1.3.0 writes no C++",
    "ternary:io_stream:1": "for which hls4ml 1.3.0 writes no C++",
    "embedding_beyond:io_parallel:1": "beyond its 4 rows, where hls4ml's C++ reads beyond its array",
    "embedding_of_rows:io_parallel:1": "looks up a sequence of one axis only",
    "norms:io_stream:1": "hls4ml's C++ for it knows arrays only",
    "distributed_conv:io_parallel:1": "beyond its own arrays",
    "garnet_every_vertex:io_parallel:1": "C++ defines all of its outputs for 'mean' only",
    "garnet_by_number:io_parallel:1": "divides by a number of vertices that may be zero",
    "garnet_fractions:io_parallel:1": "set LayerName.in_2.Precision.result to ap_uint<3>",
    "garnet_odd:io_parallel:1": "6 as vertices; hls4ml's C++ shifts by its logarithm",
    "recurrent_odd:io_stream:1": '"hint": "reuse factors that work: 1, 2, 18"',
    "bidirectional_odd:io_parallel:1": "reuse factor 12, which hls4ml 1.3.0 would compile as 12 and 12",
    "bidirectional:io_stream:1": "IO Type is not supported in Vitis backend",
    "pool_padded:io_stream:1": "hls4ml's streams pool without it",
    "conv2d:io_stream:11": "reuse factor 2 over windows of 3: hls4ml 1.3.0 takes C++ that stops on it",
    "separable2d:io_parallel:1": "strategy 'resource' of a depthwise convolution under io_parallel",
}


def made(folder: Path, words: tuple[str, ...]) -> list[Path]:
    """Folders of the cases, made in one process."""
    call("layer_models.py", folder, *words)
    return [folder / word.replace(":", "_") for word in words]


def run(folder: Path, words: tuple[str, ...]) -> dict[str, Case]:
    return dict(zip(words, emulate_all(made(folder, words)), strict=True))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return run(tmp_path_factory.mktemp("few"), FEW)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return run(tmp_path_factory.mktemp("many"), MANY)


@pytest.mark.parametrize("word", FEW)
def test_a_few(few: dict[str, Case], word: str) -> None:
    assert not few[word].problem
    assert few[word].bits > 1000


@pytest.mark.slow
@pytest.mark.parametrize("word", MANY)
def test_many(many: dict[str, Case], word: str) -> None:
    """The C++ agrees, or the model is refused for a reason that random types and strategies can give."""
    problem = many[word].problem
    assert not problem or any(reason in problem for reason in RANDOM_REASONS), problem


RANDOM_REASONS = (
    "of a depthwise convolution under io_parallel, which hls4ml lacks", "hls4ml 1.3.0 takes C++ that stops on it",
    "and loses some", "which hls4ml 1.3.0 would compile as", "in a saturating sum",
)  # fmt: skip


def test_what_hls4ml_has_no_cpp_for_is_refused(tmp_path: Path) -> None:
    folders = made(tmp_path, tuple(REFUSED))
    for folder, reason in zip(folders, REFUSED.values(), strict=True):
        assert reason in (folder / "error.json").read_text(encoding="utf-8")
