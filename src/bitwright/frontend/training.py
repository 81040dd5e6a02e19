"""Train a model of the zoo: ``python -m bitwright.frontend.training models/jet3``.

A process of its own, because QKeras wants Keras 2 in it before anything else is imported. A model's
``network.py`` has ``build() -> model`` and, where the trained form is not yet exactly representable in fixed
point, ``finish(model) -> model``; with ``build_float() -> model`` the network without quantizers is trained
beside it, so that the metrics tell what quantization costs. It is a program and runs as one: train only models
that you trust.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from bitwright.datasets import Labeller, corpus_teacher, load_teacher
from bitwright.errors import BitwrightError, UsageError
from bitwright.files import exclusive
from bitwright.frontend.train_generators import FOLDS, cross_validate, fit_generator, write_test
from bitwright.frontend.train_model import train_model
from bitwright.frontend.train_options import Job, make_job


def main(argv: list[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        job = _job(arguments)
        with exclusive(job.backups), _tidy(job.backups):
            _run(job, arguments)
    except BitwrightError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {error}\n  -> give a folder that can be written with --out", file=sys.stderr)
        return UsageError.exit_code
    except KeyboardInterrupt:
        print("stopped; run the same command again to go on from the last epoch", file=sys.stderr)
        return 130
    return 0


@contextlib.contextmanager
def _tidy(backups: Path) -> Iterator[None]:
    """Remove the folder of backups behind a finished run, and behind a failed one that left none."""
    try:
        yield
        shutil.rmtree(backups)
    finally:
        if not any(path.is_file() and path.name != ".lock" for path in backups.rglob("*")):
            shutil.rmtree(backups, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bitwright train", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path, help="folder with model.yaml and network.py")
    parser.add_argument(
        "--data",
        default="generated",
        help="generated, openml, a .npz, .csv or .arff file, or a folder of idx files or of block traces",
    )
    parser.add_argument("--out", type=Path, help="where to write (default: the model's folder)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of 'train'")
    parser.add_argument("--record", type=Path, help="folder for run.json, the course of the training")
    parser.add_argument("--tensorboard", action="store_true", help="event files for TensorBoard, in --record")
    parser.add_argument("--start", type=Path, help="weights to begin with: a model file of the same network")
    parser.add_argument("--cross-validate", action="store_true", help=f"{FOLDS} folds over real rows, nothing shipped")
    parser.add_argument("--fit-generator", action="store_true", help="fit generator.npz and data/test.npz first")
    parser.add_argument("--write-test", action="store_true", help="only write data/test.npz from generator.npz")
    parser.add_argument("--teacher", default="none", help="none, corpus, or a Keras .json of Dense layers")
    parser.add_argument("--teacher-weights", type=Path, help="its weights .h5")
    parser.add_argument("--teacher-order", default="g,q,t,w,z", help="the class of each of its outputs")
    return parser


def _job(arguments: argparse.Namespace) -> Job:
    return make_job(
        arguments.model, out=arguments.out, data=str(arguments.data), settings=arguments.set, record=arguments.record,
        start=arguments.start, tensorboard=bool(arguments.tensorboard),
    )  # fmt: skip


def _run(job: Job, arguments: argparse.Namespace) -> None:
    teacher = _teacher(arguments)
    if job.start is not None and not job.start.is_file():
        raise UsageError("no such file", where=str(job.start), hint="give the weights of an earlier training")
    if arguments.write_test:
        write_test(job)
        return
    if arguments.cross_validate:
        cross_validate(job, teacher)
        return
    if arguments.fit_generator:
        fit_generator(job, teacher)
    train_model(job)


def _teacher(arguments: argparse.Namespace) -> Labeller | None:
    if arguments.teacher == "none":
        return None
    if arguments.teacher == "corpus":
        return corpus_teacher()
    if arguments.teacher_weights is None:
        raise UsageError("a teacher without weights", hint="add --teacher-weights FILE.h5")
    return load_teacher(
        Path(arguments.teacher), arguments.teacher_weights, tuple(str(arguments.teacher_order).split(","))
    )


if __name__ == "__main__":
    sys.exit(main())
