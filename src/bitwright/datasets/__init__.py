"""Labelled rows: the jet set, MNIST, block traces, files of them, and generators of rows."""

from bitwright.datasets.blocktrace import FLASHNET, trace_files, trace_splits
from bitwright.datasets.dataset import JET_CLASSES, JET_FEATURES, JET_SET, Dataset, Scaler, fit_scaler
from bitwright.datasets.generator import AnyGenerator, Generator, fit, load
from bitwright.datasets.idx import MNIST, idx_splits, read_idx
from bitwright.datasets.labeller import Labeller
from bitwright.datasets.openml import openml_splits
from bitwright.datasets.pixels import PixelGenerator, fit_pixels
from bitwright.datasets.sources import (
    CORPUS_IMAGES,
    CORPUS_TRACES,
    corpus_folder,
    corpus_rows,
    load_dataset,
    save_dataset,
)
from bitwright.datasets.teacher import corpus_teacher, load_teacher
from bitwright.datasets.tracegen import TraceGenerator

__all__ = [
    "CORPUS_IMAGES",
    "CORPUS_TRACES",
    "FLASHNET",
    "JET_CLASSES",
    "JET_FEATURES",
    "JET_SET",
    "MNIST",
    "AnyGenerator",
    "Dataset",
    "Generator",
    "Labeller",
    "PixelGenerator",
    "Scaler",
    "TraceGenerator",
    "corpus_folder",
    "corpus_rows",
    "corpus_teacher",
    "fit",
    "fit_pixels",
    "fit_scaler",
    "idx_splits",
    "load",
    "load_dataset",
    "load_teacher",
    "openml_splits",
    "read_idx",
    "save_dataset",
    "trace_files",
    "trace_splits",
]
