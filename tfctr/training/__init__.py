"""Training from configuration; in a notebook, `compile` and `fit` are enough."""

import importlib
from typing import TYPE_CHECKING, Any

from tfctr.training.config import (
    CalibrationConfig,
    DistillationConfig,
    PretrainedConfig,
    TrainingConfig,
)

if TYPE_CHECKING:
    from tfctr.training.arguments import check_arguments
    from tfctr.training.fitting import make_model, train
    from tfctr.training.fresh_tables import FreshTables
    from tfctr.training.growth import CarriedOver, RowCounts, carry_over
    from tfctr.training.one_epoch import diagnose_one_epoch
    from tfctr.training.resuming import ResumableTraining
    from tfctr.training.stop_each_task import StopEachTask
    from tfctr.training.strategy import is_chief, make_strategy
    from tfctr.training.table_dropout import drop_rows

# Keras loads when something is trained, not when a configuration is read.
_LAZY = {
    "CarriedOver": "growth",
    "FreshTables": "fresh_tables",
    "ResumableTraining": "resuming",
    "RowCounts": "growth",
    "StopEachTask": "stop_each_task",
    "carry_over": "growth",
    "check_arguments": "arguments",
    "diagnose_one_epoch": "one_epoch",
    "drop_rows": "table_dropout",
    "is_chief": "strategy",
    "make_model": "fitting",
    "make_strategy": "strategy",
    "train": "fitting",
}

__all__ = [
    "CalibrationConfig",
    "CarriedOver",
    "DistillationConfig",
    "FreshTables",
    "PretrainedConfig",
    "ResumableTraining",
    "RowCounts",
    "StopEachTask",
    "TrainingConfig",
    "carry_over",
    "check_arguments",
    "diagnose_one_epoch",
    "drop_rows",
    "is_chief",
    "make_model",
    "make_strategy",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
