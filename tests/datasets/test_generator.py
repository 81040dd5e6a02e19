from dataclasses import replace

import numpy as np
import pytest
from jet_rows import make_rows

from bitwright.datasets import Labeller, fit, load
from bitwright.datasets.generator import POINTS, draw, midranks
from bitwright.errors import DatasetError
from bitwright.files import write_arrays


@pytest.fixture(scope="module")
def rows():
    return make_rows(1500)


@pytest.fixture(scope="module")
def generator(rows):
    return fit(rows)


def constant_labeller(logits):
    return Labeller(((np.zeros((16, 5), np.float32), np.array(logits, np.float32)),), "a test")


def rank_correlation(x):
    return np.corrcoef(np.stack([midranks(column) for column in x.T]))


def test_one_seed_gives_the_same_rows_and_another_gives_others(generator):
    first, again, other = generator.sample(50, 3), generator.sample(50, 3), generator.sample(50, 4)
    assert np.array_equal(first.x, again.x)
    assert np.array_equal(first.y, again.y)
    assert not np.array_equal(first.x, other.x)


def test_generated_rows_say_that_they_are_synthetic(generator):
    made = generator.sample(10, 1)
    assert made.synthetic
    assert made.name == "hls4ml_lhc_jets_hlf (generated)"
    assert made.x.dtype == np.float32


def test_statistics_of_each_class_are_near_the_fitted_rows(generator, rows):
    made = generator.sample(20_000, 7)
    for index in range(5):
        real, ours = rows.x[rows.y == index], made.x[made.y == index]
        deviation = real.std(axis=0)
        assert np.abs(ours.mean(axis=0) - real.mean(axis=0)).max() < 0.15 * deviation.min()
        assert np.abs(ours.std(axis=0) / deviation - 1).max() < 0.2
        assert np.abs(rank_correlation(ours) - rank_correlation(real)).max() < 0.06
    assert np.abs(np.bincount(made.y) / 20_000 - 0.2).max() < 0.02


def test_classes_are_not_mixed_up(generator):
    made = generator.sample(5000, 7)
    means = [made.x[made.y == index].mean() for index in range(5)]
    assert np.all(np.diff(means) > 0.8)


def test_copied_features_stay_copies_and_values_stay_in_range(generator, rows):
    made = generator.sample(20_000, 7)
    assert np.abs(made.x[:, 6] - made.x[:, 8]).max() < 1e-5
    low, high = rows.x.min(axis=0), rows.x.max(axis=0)
    assert (made.x >= low - 0.021 * (high - low)).all()
    assert (made.x <= high + 0.021 * (high - low)).all()


def test_a_discrete_feature_and_a_constant_one_can_be_fitted(rows):
    x = rows.x.copy()
    x[:, 3] = np.round(x[:, 3])
    x[:, 4] = 2.5
    made = fit(replace(rows, x=x)).sample(2000, 1)
    assert np.allclose(made.x[:, 4], 2.5)
    assert np.isfinite(made.x).all()


def test_no_fitted_row_can_be_read_back(generator, rows):
    assert POINTS.size * 4 < (rows.y == 0).sum()
    made = generator.sample(20_000, 7)
    columns = [0, 1, 2, 3]
    distance = np.abs(made.x[:, None, columns] - rows.x[None, :50, columns]).max(axis=2)
    assert distance.min() > 1e-5


def test_save_and_load_give_the_same_rows_and_the_same_bytes(generator, tmp_path):
    taught = generator.with_labeller(constant_labeller([0, 0, 5, 0, 0]))
    taught.save(tmp_path / "a.npz")
    loaded = load(tmp_path / "a.npz")
    loaded.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert loaded.labeller is not None
    assert loaded.labeller.origin == "a test"
    assert np.allclose(loaded.sample(100, 1).x, taught.sample(100, 1).x, atol=1e-4)


def test_classes_of_generated_rows_follow_the_labeller(generator):
    made = generator.with_labeller(constant_labeller([0, 0, np.log(8), 0, 0])).sample(6000, 1)
    assert np.abs(np.bincount(made.y, minlength=5) / 6000 - np.array([1, 1, 8, 1, 1]) / 12).max() < 0.03


def test_soft_labels_are_certain_without_a_labeller(generator):
    made = generator.sample(20, 1)
    assert np.array_equal(generator.soft_labels(made).argmax(axis=1), made.y)
    assert generator.soft_labels(made).sum() == 20


def test_draw_never_gives_a_class_of_no_probability():
    certain = np.tile(np.array([[0, 0, 1, 0, 0]], np.float32), (500, 1))
    assert set(draw(certain, np.random.default_rng(1))) == {2}


def test_midranks_share_ties():
    assert midranks(np.array([5.0, 1.0, 5.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


def test_too_few_rows_of_a_class_are_refused(rows):
    few = rows.take(np.flatnonzero((rows.y != 2) | (np.arange(rows.rows) < 12)))
    with pytest.raises(DatasetError, match="class t has 2 rows"):
        fit(few)


def test_no_rows_asked_for(generator):
    with pytest.raises(DatasetError, match="0 rows asked for"):
        generator.sample(0, 1)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros(3)}, "not a generator's parameters"),
        ({"format": np.array(99)}, "generator format 99"),
    ],
)
def test_another_npz_is_no_generator(tmp_path, arrays, message):
    write_arrays(tmp_path / "g.npz", arrays)
    with pytest.raises(DatasetError, match=message) as caught:
        load(tmp_path / "g.npz")
    assert "g.npz" in str(caught.value)


def test_a_truncated_or_missing_file_is_no_generator(generator, tmp_path):
    path = tmp_path / "g.npz"
    generator.save(path)
    path.write_bytes(path.read_bytes()[:2000])
    for name in ("g.npz", "missing.npz"):
        with pytest.raises(DatasetError, match=name):
            load(tmp_path / name)


def test_parameters_that_do_not_fit_or_are_nan_are_refused(generator):
    with pytest.raises(DatasetError, match="shapes"):
        replace(generator, priors=np.ones(4))
    with pytest.raises(DatasetError, match="not finite"):
        replace(generator, priors=np.full(5, np.nan))
