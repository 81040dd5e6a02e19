import numpy as np
import pytest
from digit_rows import make_digits
from jet_rows import make_rows

from bitwright.datasets import PixelGenerator, fit_pixels, load, load_dataset, save_dataset
from bitwright.errors import DatasetError
from bitwright.files import read_arrays, write_arrays


@pytest.fixture(scope="module")
def generator():
    return fit_pixels(make_digits(2000), components=12)


def test_the_same_seed_gives_the_same_rows(generator):
    a, b, c = generator.sample(50, 3), generator.sample(50, 3), generator.sample(50, 4)
    assert np.array_equal(a.x, b.x)
    assert np.array_equal(a.y, b.y)
    assert not np.array_equal(a.x, c.x)
    assert a.synthetic
    assert a.image == (6, 6)
    assert "synthetic" in a.title
    assert "generated" in a.title


def test_pixels_are_bytes_over_256(generator):
    x = generator.sample(300, 1).x * 256
    assert np.array_equal(x, np.round(x))
    assert x.min() == 0
    assert x.max() <= 255
    assert not ((x > 0) & (x < 24)).any()


def test_each_class_has_its_own_mean_and_spread(generator):
    real, made = make_digits(2000), generator.sample(6000, 2)
    wide = [np.maximum(rows.x * 256, 0) for rows in (real, made)]
    for label in range(10):
        ours, theirs = wide[1][made.y == label], wide[0][real.y == label]
        bright = theirs.mean(axis=0) > 100
        assert np.abs(ours.mean(axis=0) - theirs.mean(axis=0))[bright].max() < 4
        assert ours.mean(axis=0)[~bright].max() < 40
    assert np.abs(np.bincount(made.y) / 6000 - 0.1).max() < 0.02


def test_the_components_are_orthonormal_and_hold_the_most_variance(generator):
    assert np.allclose(generator.basis @ generator.basis.T, np.eye(12), atol=1e-9)
    wide = make_digits(2000).x.astype(np.float64) * 256
    kept = ((wide - wide.mean(axis=0)) @ generator.basis.T).var(axis=0).sum()
    singular = np.linalg.svd(wide - wide.mean(axis=0), compute_uv=False)
    assert kept == pytest.approx((singular[:12] ** 2).sum() / len(wide))


def test_what_is_saved_is_what_is_read(generator, tmp_path):
    generator.save(tmp_path / "g.npz")
    again = load(tmp_path / "g.npz")
    assert isinstance(again, PixelGenerator)
    assert (again.name, again.image, again.fitted_rows) == ("digits", (6, 6), 2000)
    assert np.allclose(again.covariances, generator.covariances, rtol=2e-3, atol=0.1)
    assert np.array_equal(again.covariances, again.covariances.transpose(0, 2, 1))
    again.save(tmp_path / "h.npz")
    assert (tmp_path / "g.npz").read_bytes() == (tmp_path / "h.npz").read_bytes()


def test_certain_labels(generator):
    rows = generator.sample(20, 1)
    assert np.array_equal(generator.soft_labels(rows).argmax(axis=1), rows.y)


def test_a_file_of_images_holds_bytes_and_reads_back_the_same(generator, tmp_path):
    rows = generator.sample(40, 1, "test")
    save_dataset(tmp_path / "d.npz", rows)
    arrays = read_arrays(tmp_path / "d.npz")
    assert arrays["x"].dtype == np.uint8
    again = load_dataset(tmp_path / "d.npz")
    assert np.array_equal(again.x, rows.x)
    assert (again.image, again.synthetic, again.split) == ((6, 6), True, "test")
    first = (tmp_path / "d.npz").read_bytes()
    save_dataset(tmp_path / "d.npz", again)
    assert (tmp_path / "d.npz").read_bytes() == first


def test_rows_that_cannot_be_learned(generator):
    with pytest.raises(DatasetError, match="no images"):
        fit_pixels(make_rows(200))
    with pytest.raises(DatasetError, match="class 0 has 10 rows"):
        fit_pixels(make_digits(100), components=12)
    with pytest.raises(DatasetError, match="0 rows asked for"):
        generator.sample(0, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": np.array(7)}, "generator format 7"),
        ({"mean": np.zeros(35)}, "parameters of shapes"),
        ({"covariances": np.zeros((10, 5))}, "not a generator's parameters"),
        ({"means": np.full((10, 12), np.nan)}, "not finite"),
        ({"priors": np.full(9, 1 / 9)}, "parameters of shapes"),
    ],
)
def test_a_damaged_file_is_refused_by_name(generator, tmp_path, change, message):
    generator.save(tmp_path / "g.npz")
    write_arrays(tmp_path / "g.npz", {**read_arrays(tmp_path / "g.npz"), **change})
    with pytest.raises(DatasetError, match=message) as caught:
        load(tmp_path / "g.npz")
    assert "g.npz" in str(caught.value)
