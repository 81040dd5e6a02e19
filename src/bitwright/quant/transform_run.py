"""``bitwright transform`` from files to files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bitwright.config import ModelConfig
from bitwright.config.transform import TransformFile
from bitwright.quant.calibrate import Calibration, calibrate
from bitwright.quant.data import read_data
from bitwright.quant.float_model import FloatModel, read_model
from bitwright.quant.fold import fold
from bitwright.quant.lower import to_network
from bitwright.quant.transform import transform
from bitwright.quant.transform_folder import SUFFIX, write_folder
from bitwright.quant.transform_record import TransformRecord, summarize


def run(config: ModelConfig, file: TransformFile, rows: Path | None, out: Path) -> TransformRecord:
    """Quantize the model of ``config`` as ``file`` says and write it to ``out``; the summary.

    Args:
        config: the model as model.yaml has it.
        file: the formats.
        rows: rows to calibrate with; None: the model's own data, if it has some.
        out: a folder that :func:`.transform_folder.check_out` allows.

    Raises:
        BitwrightError: of the files, the model, the config or the data; nothing was written then.
    """
    model = fold(read_model(config.source, config.name, config.weights))
    seen = _calibration(model, rows or (config.data.file if config.data else None))
    done = transform(model, file, seen)
    record = summarize(done, file, seen)
    network = replace(to_network(done.model, done.plan), name=f"{config.name}{SUFFIX}")
    write_folder(network, record, config, out)
    return record


def _calibration(model: FloatModel, rows: Path | None) -> Calibration | None:
    if rows is None:
        return None
    return calibrate(model, read_data(rows).batches(), str(rows))
