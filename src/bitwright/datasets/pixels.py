"""A generator of labelled images: one Gaussian per class in a space of a few principal components.

The components are those of all rows together (Pearson 1901), the mean and covariance in their space are each
class's own. These are sums over hundreds of rows, rounded to float16: no row can be read back from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bitwright.datasets.dataset import Dataset, Doubles, Floats
from bitwright.datasets.idx import LEVELS, image_rows
from bitwright.errors import DatasetError
from bitwright.files import write_arrays

COMPONENTS = 64
PAPER = 24
"""Generated pixels below this are 0: few components leave ripples where the paper is blank."""

FORMAT = 1


@dataclass(frozen=True, slots=True)
class PixelGenerator:
    """What :func:`fit_pixels` learned; pixels are 0 to 255.

    ``priors``: (classes,); ``mean``: (pixels,); ``basis``: (components, pixels), orthonormal rows; ``means``:
    (classes, components); ``covariances``: (classes, components, components); ``image``: (height, width).
    """

    name: str
    image: tuple[int, int]
    priors: Doubles
    mean: Doubles
    basis: Doubles
    means: Doubles
    covariances: Doubles
    fitted_rows: int

    TEST_ROWS: ClassVar[int] = 300
    """Rows of the test file that is shipped with a model."""

    labeller: ClassVar[None] = None

    def __post_init__(self) -> None:
        classes, components, pixels = len(self.priors), len(self.basis), self.image[0] * self.image[1]
        wanted = ((pixels,), (components, pixels), (classes, components), (classes, components, components))
        found = tuple(array.shape for array in self._arrays())
        if found != wanted:
            raise DatasetError(f"generator parameters of shapes {found}", hint="fit the generator again")
        if not all(np.isfinite(array).all() for array in (self.priors, *self._arrays())):
            raise DatasetError("a generator parameter is not finite", hint="fit the generator again")

    def _arrays(self) -> tuple[Doubles, ...]:
        return self.mean, self.basis, self.means, self.covariances

    def sample(self, n: int, seed: int, split: str = "generated") -> Dataset:
        """``n`` rows; the same ``seed`` gives the same rows.

        Raises:
            DatasetError: ``n`` is below 1.
        """
        if n < 1:
            raise DatasetError(f"{n} rows asked for", hint="ask the generator for one row or more")
        random = np.random.default_rng(seed)
        y = random.choice(len(self.priors), size=n, p=self.priors)
        images = np.empty((n, self.mean.size), np.uint8)
        for index in range(len(self.priors)):
            images[y == index] = self._images_of_class(index, int((y == index).sum()), random)
        rows = image_rows(images.reshape(n, *self.image), y, f"{self.name} (generated)", split)
        return rows.made_up()

    def _images_of_class(self, index: int, n: int, random: np.random.Generator) -> npt.NDArray[np.uint8]:
        normal = random.standard_normal((n, len(self.basis)))
        places = self.means[index] + normal @ _root(self.covariances[index])
        pixels = np.round(self.mean + places @ self.basis)
        whole = np.clip(pixels, 0, LEVELS - 1).astype(np.uint8)
        return np.where(whole < PAPER, np.uint8(0), whole)

    def soft_labels(self, data: Dataset) -> Floats:
        """Certainty (rows, classes) of each row's own class."""
        return np.eye(len(data.classes), dtype=np.float32)[data.y]

    def save(self, path: Path) -> None:
        """Write the parameters as a small npz whose bytes depend on them alone."""
        write_arrays(
            path,
            {
                "format": np.array(FORMAT),
                "name": np.array(self.name),
                "image": np.array(self.image),
                "fitted_rows": np.array(self.fitted_rows),
                "priors": self.priors,
                "mean": self.mean.astype(np.float16),
                "basis": self.basis.astype(np.float16),
                "means": self.means.astype(np.float16),
                # as lower triangles of a scale that float16 holds
                "covariances": (self.covariances / LEVELS**2)[:, *np.tril_indices(len(self.basis))].astype(np.float16),
            },
        )

    @staticmethod
    def from_arrays(arrays: dict[str, npt.NDArray[Any]]) -> PixelGenerator:
        """The generator among an npz file's arrays.

        Raises:
            DatasetError, KeyError, ValueError: they are not a generator's.
        """
        if int(arrays["format"]) != FORMAT:
            raise DatasetError(
                f"generator format {int(arrays['format'])}, not {FORMAT}", hint="fit the generator again"
            )
        height, width = (int(size) for size in arrays["image"])
        wide = {key: arrays[key].astype(np.float64) for key in ("mean", "basis", "means", "covariances")}
        return PixelGenerator(
            name=str(arrays["name"]),
            image=(height, width),
            priors=arrays["priors"],
            mean=wide["mean"],
            basis=wide["basis"],
            means=wide["means"],
            covariances=_symmetric(wide["covariances"], len(wide["basis"])) * LEVELS**2,
            fitted_rows=int(arrays["fitted_rows"]),
        )


def fit_pixels(rows: Dataset, components: int = COMPONENTS) -> PixelGenerator:
    """Learn each class of image ``rows``.

    Raises:
        DatasetError: they are no images, or a class has fewer rows than there are components.
    """
    if rows.image is None:
        raise DatasetError("no images", where=rows.where, hint="give a folder with idx files")
    counts = np.bincount(rows.y, minlength=len(rows.classes))
    if counts.min() <= components:
        raise DatasetError(
            f"class {rows.classes[int(counts.argmin())]} has {int(counts.min())} rows", where=rows.where,
            hint=f"a generator needs more than {components} rows of each class",
        )  # fmt: skip
    wide = rows.x.astype(np.float64) * LEVELS
    mean = wide.mean(axis=0)
    basis = _components(wide - mean, components)
    places = (wide - mean) @ basis.T
    parts = [places[rows.y == index] for index in range(len(rows.classes))]
    return PixelGenerator(
        name=rows.name,
        image=rows.image,
        priors=counts / counts.sum(),
        mean=mean,
        basis=basis,
        means=np.stack([part.mean(axis=0) for part in parts]),
        covariances=np.stack([np.cov(part, rowvar=False) for part in parts]),
        fitted_rows=rows.rows,
    )


def _components(centred: Doubles, count: int) -> Doubles:
    """The directions of largest variance, largest first; the largest entry of each is positive."""
    vectors = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :count].T
    largest = np.abs(vectors).argmax(axis=1)
    signed: Doubles = vectors * np.sign(vectors[np.arange(count), largest])[:, None]
    return signed


def _symmetric(triangles: Doubles, size: int) -> Doubles:
    full = np.zeros((len(triangles), size, size))
    full[:, *np.tril_indices(size)] = triangles
    whole: Doubles = full + np.tril(full, -1).transpose(0, 2, 1)
    return whole


def _root(covariance: Doubles) -> Doubles:
    """The symmetric root; rounding to float16 may have left an eigenvalue a little below 0."""
    values, vectors = np.linalg.eigh(covariance)
    root: Doubles = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
