"""``bitwright transform`` from files to files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bitwright.config import ModelConfig
from bitwright.config.transform import TransformFile
from bitwright.network.layers import Network
from bitwright.quant.calibrate import Calibration, calibrate
from bitwright.quant.data import Data, read_data
from bitwright.quant.float_model import FloatModel, read_model
from bitwright.quant.fold import fold
from bitwright.quant.health import check_health
from bitwright.quant.lower import to_network
from bitwright.quant.pipeline import Quantized
from bitwright.quant.quality import quality
from bitwright.quant.transform import Transformed, transform
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
    source = rows or (config.data.file if config.data else None)
    data = read_data(source) if source else None
    seen = calibrate(model, data.batches(), str(data.path)) if data else None
    done = transform(model, file, seen)
    network = replace(to_network(done.model, done.plan), name=f"{config.name}{SUFFIX}")
    judged = _judged(model, done, network, seen, data) if seen and data else None
    record = summarize(done, file, seen, judged)
    write_folder(network, record, config, out)
    return record


def _judged(model: FloatModel, done: Transformed, network: Network, seen: Calibration, data: Data) -> Quantized:
    """The health of every layer, and what the quantization costs where rows have labels."""
    health = check_health(done.model, done.plan, data.batches(), model)
    cost = None if data.y is None else quality(health.floats, health.integers, data.y)
    return Quantized(done.model, seen, done.plan, network, health, cost)
