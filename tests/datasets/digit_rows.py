"""Small images of ten classes that a test can tell apart, and MNIST's idx files of them."""

import gzip

import numpy as np

from bitwright.datasets.idx import image_rows

SIDE = 6


def make_images(rows, seed=1):
    """Bytes (rows, 6, 6) and labels: class k is bright in row k // 2 (left or right half), with noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(rows) % 10
    images = random.integers(0, 40, size=(rows, SIDE, SIDE))
    for image, label in zip(images, labels, strict=True):
        image[label // 2, 3 * (label % 2) : 3 * (label % 2) + 3] += 160
    return images.astype(np.uint8), labels


def make_digits(rows, seed=1):
    images, labels = make_images(rows, seed)
    return image_rows(images, labels, "digits", "train")


def idx_bytes(array):
    """An idx file: magic, dimensions, bytes."""
    array = np.asarray(array, np.uint8)
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def write_mnist(folder, part, rows, seed=1, packed=False):
    images, labels = make_images(rows, seed)
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        data = idx_bytes(array)
        name = f"{part}-{kind}-ubyte"
        (folder / (name + ".gz" if packed else name)).write_bytes(gzip.compress(data) if packed else data)
    return images, labels
