from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
import sklearn.datasets
from jet_rows import make_rows
from sklearn.model_selection import train_test_split

from bitwright.datasets import JET_CLASSES, JET_FEATURES, openml_splits
from bitwright.errors import DatasetError
from bitwright.files import cache_folder

SHAPE = (50, 16)


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """A stand-in for the network: counts its calls, can be given other rows or an error."""
    monkeypatch.setenv("BITWRIGHT_CACHE", str(tmp_path / "cache"))
    rows = make_rows(50)
    state = SimpleNamespace(calls=0, error=None, x=rows.x, target=np.array(JET_CLASSES)[rows.y])

    def fetch(**options):
        state.calls += 1
        assert options["data_id"] == 42468
        if state.error is not None:
            raise state.error
        return SimpleNamespace(data=state.x, target=state.target, feature_names=list(JET_FEATURES))

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    return state


def test_the_split_is_the_one_of_train_test_split(fetched):
    train, test = openml_splits(SHAPE)
    left, right = train_test_split(fetched.x, test_size=0.2, random_state=42)
    assert train.scaler is not None
    assert np.array_equal(train.x, train.scaler.standardize(left))
    assert np.array_equal(test.x, train.scaler.standardize(right))
    assert (train.split, test.split, test.rows) == ("train", "test", 10)
    assert train.name == "hls4ml_lhc_jets_hlf (OpenML)"
    assert np.abs(train.x.mean(axis=0)).max() < 1e-5


def test_it_is_fetched_once_and_then_read_from_the_cache(fetched):
    first, _ = openml_splits(SHAPE)
    second, _ = openml_splits(SHAPE)
    assert fetched.calls == 1
    assert np.array_equal(first.x, second.x)
    assert np.array_equal(first.y, second.y)


def test_a_damaged_cache_is_found(fetched):
    openml_splits(SHAPE)
    file = cache_folder() / "hls4ml_lhc_jets_hlf.npz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(DatasetError, match="checksum") as caught:
        openml_splits(SHAPE)
    assert "fetched anew" in str(caught.value)


@pytest.mark.parametrize("error", [URLError("no route to host"), ValueError("md5 checksum"), TimeoutError("slow")])
def test_without_a_network_it_says_how_to_go_on(fetched, error):
    fetched.error = error
    with pytest.raises(DatasetError, match="could not fetch it") as caught:
        openml_splits(SHAPE)
    assert "--data FILE" in str(caught.value)
    assert not (cache_folder() / "hls4ml_lhc_jets_hlf.npz").exists()


def test_another_data_set_is_refused(fetched):
    with pytest.raises(DatasetError, match="830000 of 16 expected"):
        openml_splits()


def test_an_unknown_class_is_refused(fetched):
    fetched.target = np.array(["x"] * 50)
    with pytest.raises(DatasetError, match="unknown class 'x'"):
        openml_splits(SHAPE)


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("BITWRIGHT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "bitwright"
