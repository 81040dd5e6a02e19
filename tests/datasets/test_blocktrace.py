"""Block traces: what is read, which features and labels come of it, and that time is never broken."""

import gzip

import numpy as np
import pytest

from bitwright.datasets import corpus_folder, load, trace_splits
from bitwright.datasets.blocktrace import (
    FEWEST,
    Trace,
    feature_names,
    features,
    fences,
    labelled,
    read_trace,
    trace_lines,
)
from bitwright.datasets.sources import CORPUS_TRACES, load_dataset, save_dataset
from bitwright.datasets.tracegen import TraceGenerator
from bitwright.errors import DatasetError

GENERATOR = TraceGenerator()


@pytest.fixture(scope="module")
def trace():
    return GENERATOR.trace(3000, 7)


def by_hand(trace, index, history):
    """The features of one I/O, counted one by one."""
    now = trace.submitted[index]
    before = range(index)
    pending = [k for k in before if trace.completed[k] > now]
    done = sorted((k for k in before if trace.completed[k] <= now), key=lambda k: (trace.completed[k], k))
    queue_at = lambda i: sum(trace.completed[k] > trace.submitted[i] for k in range(i))  # noqa: E731
    size = lambda k: np.log2(trace.size[k] / 512)  # noqa: E731
    found = [
        np.log2(1 + (now - min((trace.submitted[k] for k in pending), default=now))),
        len(pending) / 8,
        size(index),
        trace.read[index],
        np.log2(1 + sum(trace.size[k] for k in pending) / 4096),
        sum(1 - trace.read[k] for k in pending) / 8,
        np.log2(1 + now - trace.submitted[index - 1]),
        sum(trace.completed[k] > now - 1000 for k in done) / 8,
    ]
    for k in done[: -history - 1 : -1]:
        found += [np.log2(1 + trace.latency[k]), queue_at(k) / 8, size(k), trace.read[k]]
    return np.clip(np.round(np.array(found) * 16), 0, 255) / 16


@pytest.mark.parametrize("history", [1, 4])
def test_features_are_those_counted_by_hand(trace, history):
    x, rows = features(trace, history)
    assert x.shape == (len(rows), len(feature_names(history)))
    for place in np.linspace(0, len(rows) - 1, 40).astype(int):
        assert np.array_equal(x[place], by_hand(trace, rows[place], history)), place


def test_features_know_nothing_of_what_comes_later(trace):
    x, rows = features(trace, 4)
    some = rows[:1000]
    late = trace.latency.copy()
    late[some[-1] :] += 5000  # the last of them and all that follow take longer: no feature of theirs may tell
    other = Trace(trace.submitted, late, trace.size, trace.read)
    again, same = features(other, 4)
    assert np.array_equal(again[np.isin(same, some)], x[:1000])


def test_features_lie_on_the_grid_of_the_hardware_input(trace):
    x, _ = features(trace, 4)
    assert np.array_equal(x * 16, np.round(x * 16))
    assert x.min() >= 0
    assert x.max() < 16


def test_slow_is_beyond_tukeys_fence_of_its_type(trace):
    limits = fences(trace)
    data = labelled(trace, 4, limits, "test", "t")
    for kind in (0, 1):
        latency = np.sort(trace.latency[trace.read == kind])
        low, high = np.quantile(latency, [0.25, 0.75])
        assert limits[kind] == pytest.approx(high + 1.5 * (high - low))
    _, rows = features(trace, 4)
    assert np.array_equal(data.y == 1, trace.latency[rows] > np.array(limits)[trace.read[rows]])
    assert 0.01 < data.y.mean() < 0.2
    assert data.in_time


def test_a_trace_is_written_and_read_again(tmp_path, trace):
    (tmp_path / "a.trace.gz").write_bytes(gzip.compress(trace_lines(trace).encode()))
    again = read_trace(tmp_path / "a.trace.gz")
    for name in ("submitted", "latency", "size", "read"):
        assert np.allclose(getattr(again, name), getattr(trace, name))


def test_a_folder_is_split_by_the_time_of_each_trace(tmp_path):
    for seed in (1, 2):
        (tmp_path / f"{seed}.trace").write_text(trace_lines(GENERATOR.trace(2000, seed)))
    train, test = trace_splits(tmp_path, 2)
    assert (train.split, test.split) == ("the first 80% of 2 traces", "the last 20% of 2 traces")
    for part, cut in ((train, slice(0, 1600)), (test, slice(1600, 2000))):
        own = [read_trace(tmp_path / f"{seed}.trace").part(cut.start, cut.stop) for seed in (1, 2)]
        rows = [features(each, 2)[0] for each in own]
        assert part.rows == sum(map(len, rows))
        for each in rows:  # the rows of a trace are there in their own order
            left = iter(part.x.tolist())
            assert all(row in left for row in each.tolist())


LINE = "0.0,100,1,4096,0,1.0,4096\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no lines"),
        (LINE * 200 + "1,2,3\n", "line 201 is no I/O"),
        (LINE * 3 + LINE.replace("100", "fast") + LINE, "line 4 is no I/O"),
        (LINE * 200 + LINE.replace("100", "nan"), "a time, latency, size or type that cannot be"),
        (LINE * 200 + LINE.replace("100", "-5"), "a time, latency, size or type that cannot be"),
        (LINE * 200 + LINE.replace(",1,", ",2,"), "a time, latency, size or type that cannot be"),
        (LINE * (FEWEST - 1), f"{FEWEST - 1} I/Os"),
    ],
)
def test_a_file_that_is_no_trace(tmp_path, content, said):
    (tmp_path / "bad.trace").write_text(content)
    with pytest.raises(DatasetError, match=said):
        read_trace(tmp_path / "bad.trace")


def test_a_packed_file_that_was_cut_short(tmp_path, trace):
    (tmp_path / "a.trace.gz").write_bytes(gzip.compress(trace_lines(trace).encode())[:-500])
    with pytest.raises(DatasetError, match="not a readable trace"):
        read_trace(tmp_path / "a.trace.gz")


def test_a_trace_in_which_nothing_is_slow(tmp_path):
    (tmp_path / "even.trace").write_text(LINE * 500)
    with pytest.raises(DatasetError, match="no I/O is slower"):
        fences(read_trace(tmp_path / "even.trace"))


def test_rows_are_stored_small_and_come_back_in_time(tmp_path):
    data = GENERATOR.sample(300, 3, "test")
    save_dataset(tmp_path / "t.npz", data)
    again = load_dataset(tmp_path / "t.npz")
    assert np.array_equal(again.x, data.x)
    assert np.array_equal(again.y, data.y)
    assert again.in_time
    assert (tmp_path / "t.npz").stat().st_size < 300 * 24 * 2


def test_the_generator_makes_the_same_again_and_is_kept(tmp_path):
    other = TraceGenerator(history=2, dies=4)
    other.save(tmp_path / "generator.npz")
    kept = load(tmp_path / "generator.npz")
    assert kept == other
    one, two = other.sample(500, 5), kept.sample(500, 5)
    assert np.array_equal(one.x, two.x)
    assert one.synthetic
    assert one.rows == 500
    assert not np.array_equal(one.x, other.sample(500, 6).x)


@pytest.mark.parametrize("wrong", [{"dies": 0}, {"gap": float("nan")}, {"read_us": -1.0}])
def test_a_generator_that_cannot_be(wrong):
    with pytest.raises(DatasetError, match="cannot be"):
        TraceGenerator(**wrong)


@pytest.mark.corpus
def test_the_recorded_traces():
    folder = corpus_folder() / CORPUS_TRACES
    if not folder.is_dir():
        pytest.skip("the corpus is not here: set BITWRIGHT_CORPUS")
    train, test = trace_splits(folder, 4)
    assert (train.rows, test.rows) == (119_961, 29_933)
    assert 0.02 < train.y.mean() < test.y.mean() < 0.06
