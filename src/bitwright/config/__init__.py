"""The YAML files that people write: model.yaml and targets, read with errors that name the line."""

from bitwright.config.budget import BudgetConfig
from bitwright.config.model import DataConfig, ModelConfig, TrainConfig, VectorConfig, load_model
from bitwright.config.target import TargetConfig, load_target
from bitwright.config.yamlfile import read_yaml

__all__ = [
    "BudgetConfig",
    "DataConfig",
    "ModelConfig",
    "TargetConfig",
    "TrainConfig",
    "VectorConfig",
    "load_model",
    "load_target",
    "read_yaml",
]
