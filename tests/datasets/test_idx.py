import gzip

import numpy as np
import pytest
from digit_rows import idx_bytes, make_images, write_mnist

from bitwright.datasets import CORPUS_IMAGES, corpus_folder, idx_splits, read_idx
from bitwright.errors import DatasetError


@pytest.mark.parametrize("packed", [False, True])
def test_an_idx_file_plain_or_gz(tmp_path, packed):
    images, _ = make_images(7)
    data = idx_bytes(images)
    path = tmp_path / "anything"  # the contents tell, not the name
    path.write_bytes(gzip.compress(data) if packed else data)
    assert np.array_equal(read_idx(path), images)


def test_the_bytes_of_the_format():
    assert idx_bytes([[1, 2], [3, 4]]) == bytes.fromhex("00000802 00000002 00000002 01020304")


GOOD = idx_bytes(np.arange(24).reshape(2, 3, 4))
PACKED = gzip.compress(GOOD, mtime=0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "begins with nothing"),
        (b"\0\0\x08", "begins with 000008"),
        (b"\0\0\x0d\x03" + GOOD[4:], "begins with 00000d03, no idx file of unsigned bytes"),
        (b"PK\x03\x04" + GOOD[4:], "begins with 504b0304"),
        (b"\0\0\x08\x09" + GOOD[4:], "begins with 00000809"),
        (GOOD[:10], "cut short within its header"),
        (GOOD[:-1], "announces 24 values, 23 are there"),
        (GOOD + b"\0", "announces 24 values, more are there"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "announces"),
        (PACKED[:-9], "not readable"),
        (PACKED[:10] + b"\xff" * 20, "not readable"),
        (gzip.compress(GOOD[:-1], mtime=0), "23 are there"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, data, message):
    path = tmp_path / "broken.gz"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=message) as caught:
        read_idx(path)
    assert "broken.gz" in str(caught.value)
    assert caught.value.hint


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match="no such file"):
        read_idx(tmp_path / "t10k-labels-idx1-ubyte")


def test_test_images_alone_are_split(tmp_path):
    images, labels = write_mnist(tmp_path, "t10k", 2300, packed=True)
    train, test = idx_splits(tmp_path, seed=1)
    assert (train.rows, test.rows, train.image) == (300, 2000, (6, 6))
    together = np.concatenate([train.x, test.x])
    expected = images.reshape(2300, 36) / 256
    assert np.array_equal(np.sort(together, axis=0), np.sort(expected, axis=0))
    assert np.array_equal(np.bincount(np.concatenate([train.y, test.y])), np.bincount(labels))
    assert not set(map(bytes, train.x)) & set(map(bytes, test.x))
    assert "300 of the 2300" in train.title
    assert "unseen" in test.title
    again = idx_splits(tmp_path, seed=1)[1]
    assert np.array_equal(again.x, test.x)
    assert not np.array_equal(idx_splits(tmp_path, seed=2)[1].x, test.x)


def test_the_full_set_keeps_its_own_split(tmp_path):
    images, labels = write_mnist(tmp_path, "train", 40)
    write_mnist(tmp_path, "t10k", 10, seed=2, packed=True)
    train, test = idx_splits(tmp_path, seed=1)
    assert (train.rows, test.rows, train.split, test.split) == (40, 10, "train", "test")
    assert np.array_equal(train.x * 256, images.reshape(40, 36))
    assert np.array_equal(train.y, labels)


def test_a_folder_without_the_files_or_with_others(tmp_path):
    with pytest.raises(DatasetError, match="no t10k-images-idx3-ubyte"):
        idx_splits(tmp_path, seed=1)
    write_mnist(tmp_path, "t10k", 50)
    with pytest.raises(DatasetError, match="training needs more than 2000"):
        idx_splits(tmp_path, seed=1)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(49)))
    with pytest.raises(DatasetError, match=r"images of shape \(50, 6, 6\) and labels of shape \(49,\)"):
        idx_splits(tmp_path, seed=1)


def test_a_label_that_is_no_digit(tmp_path):
    write_mnist(tmp_path, "t10k", 2100)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(np.full(2100, 11)))
    with pytest.raises(DatasetError, match="class 11"):
        idx_splits(tmp_path, seed=1)


@pytest.mark.corpus
def test_mnists_own_files():
    folder = corpus_folder() / CORPUS_IMAGES
    if not folder.is_dir():
        pytest.skip("the corpus is not here: set BITWRIGHT_CORPUS")
    train, test = idx_splits(folder, seed=1)
    assert (train.rows, test.rows, train.image) == (8000, 2000, (28, 28))
    assert np.bincount(np.concatenate([train.y, test.y])).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
