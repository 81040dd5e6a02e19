"""Labelled rows: the jet set, files of it, and a generator fitted on real rows."""

from bitwright.datasets.dataset import JET_CLASSES, JET_FEATURES, JET_SET, Dataset, Scaler, fit_scaler
from bitwright.datasets.generator import Generator, fit, load
from bitwright.datasets.labeller import Labeller
from bitwright.datasets.openml import openml_splits
from bitwright.datasets.sources import corpus_folder, corpus_rows, load_dataset, save_dataset
from bitwright.datasets.teacher import corpus_teacher, load_teacher

__all__ = [
    "JET_CLASSES",
    "JET_FEATURES",
    "JET_SET",
    "Dataset",
    "Generator",
    "Labeller",
    "Scaler",
    "corpus_folder",
    "corpus_rows",
    "corpus_teacher",
    "fit",
    "fit_scaler",
    "load",
    "load_dataset",
    "load_teacher",
    "openml_splits",
    "save_dataset",
]
