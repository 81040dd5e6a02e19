import numpy as np
import pytest
from jet_rows import make_rows

from bitwright.datasets import JET_CLASSES, Scaler, corpus_rows, load_dataset, save_dataset
from bitwright.errors import DatasetError
from bitwright.files import write_arrays


def save(path, **arrays):
    write_arrays(path, {"x": np.zeros((3, 2)), "y": np.array([0, 1, 1]), **arrays})
    return path


def test_what_we_save_we_read_back(tmp_path):
    data = make_rows(20).standardized(Scaler(np.ones(16), np.full(16, 2.0)))
    save_dataset(tmp_path / "d.npz", data)
    again = load_dataset(tmp_path / "d.npz")
    assert np.array_equal(again.x, data.x)
    assert np.array_equal(again.y, data.y)
    assert (again.name, again.split, again.classes) == (data.name, data.split, data.classes)
    assert again.scaler is not None
    assert again.scaler.scale.tolist() == [2.0] * 16


def test_raw_features_with_a_scaler_come_back_standardized(tmp_path):
    x = np.array([[2.0, 10.0]] * 3)
    path = save(tmp_path / "d.npz", x=x, scaler_mean=np.array([1.0, 4.0]), scaler_scale=np.array([2.0, 3.0]))
    assert load_dataset(path).x[0].tolist() == [0.5, 2.0]


def test_one_hot_labels_and_names_become_indices(tmp_path):
    one_hot = save(tmp_path / "a.npz", y=np.eye(3, dtype=np.int64)[[2, 0, 1]])
    assert load_dataset(one_hot).y.tolist() == [2, 0, 1]
    named = save(tmp_path / "b.npz", y=np.array(["w", "g", "w"]), classes=np.array(JET_CLASSES))
    assert load_dataset(named).y.tolist() == [3, 0, 3]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.array([["a", "b"]] * 3)}, "not numbers"),
        ({"y": np.array([0.5, 1, 1])}, "no class"),
        ({"y": np.array([0, 1])}, "one label per row"),
        ({"y": np.array(["g", "x", "w"]), "classes": np.array(["g", "w"])}, "row 1 has the unknown class 'x'"),
        ({"x": np.array([[0, np.nan]] * 3)}, "not finite"),
        ({"scaler_mean": np.zeros(5), "scaler_scale": np.ones(5)}, "a scaler of 5"),
    ],
)
def test_a_bad_npz_is_refused_with_its_name(tmp_path, arrays, message):
    path = save(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DatasetError, match=message) as caught:
        load_dataset(path)
    assert "bad.npz" in str(caught.value)


def test_an_npz_without_labels_lists_what_it_has(tmp_path):
    write_arrays(tmp_path / "d.npz", {"x": np.zeros((2, 2)), "z": np.zeros(2)})
    with pytest.raises(DatasetError, match=r"no array 'y' \(found: x, z\)"):
        load_dataset(tmp_path / "d.npz")


def test_pickled_rows_are_refused(tmp_path):
    np.savez(tmp_path / "p.npz", x=np.array([object()]), y=np.zeros(1))
    with pytest.raises(DatasetError):
        load_dataset(tmp_path / "p.npz")


@pytest.mark.parametrize("name", ["missing.npz", "missing.csv"])
def test_a_missing_file(tmp_path, name):
    with pytest.raises(DatasetError, match="no such file"):
        load_dataset(tmp_path / name)


def test_an_unknown_kind_of_file(tmp_path):
    (tmp_path / "d.parquet").write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match=r"'\.parquet' files are not read"):
        load_dataset(tmp_path / "d.parquet")


def test_csv_with_a_class_column_in_the_middle(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("a,jet_type,b\n1,w,2\n3,g,4.5\n")
    data = load_dataset(path, scaler=Scaler(np.array([1.0, 0.0]), np.ones(2)))
    assert data.x.tolist() == [[0.0, 2.0], [2.0, 4.5]]
    assert (data.classes, data.y.tolist(), data.feature_names) == (("g", "w"), [1, 0], ("a", "b"))


def test_arff(tmp_path):
    path = tmp_path / "d.arff"
    path.write_text(
        "% a comment\n@RELATION jets\n@ATTRIBUTE 'a' REAL\n@ATTRIBUTE b NUMERIC\n@ATTRIBUTE class {g,q}\n\n"
        "@DATA\n% another\n0.5, 1, 'q'\n2,3,g\n"
    )
    data = load_dataset(path)
    assert data.x.tolist() == [[0.5, 1.0], [2.0, 3.0]]
    assert data.y.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,class\n1,2\n", "row 0 has 2 columns, 3 named"),
        ("a,b,class\n1,x,g\n", "not a number"),
        ("a,b,class\n", "no rows"),
        ("", "no columns"),
        ("a,b,class\n1,nan,g\n", "not finite"),
    ],
)
def test_a_bad_csv(tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        load_dataset(path)


def test_a_binary_csv(tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"a,b\n\xff\xfe\x00,1\n")
    with pytest.raises(DatasetError, match="not a readable table"):
        load_dataset(tmp_path / "bad.csv")


def test_no_corpus_is_no_rows(tmp_path, monkeypatch):
    monkeypatch.setenv("BITWRIGHT_CORPUS", str(tmp_path))
    assert corpus_rows() is None


@pytest.mark.corpus
def test_the_real_rows_are_standardized():
    rows = corpus_rows()
    if rows is None:
        pytest.skip("the corpus is not here: set BITWRIGHT_CORPUS")
    assert rows.x.shape == (600, 16)
    assert rows.classes == JET_CLASSES
    assert not rows.synthetic
    assert np.abs(rows.x.mean(axis=0)).max() < 0.2
    assert np.abs(rows.x.std(axis=0) - 1).max() < 0.2
