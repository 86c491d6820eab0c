"""Training from configuration; in a notebook, `compile` and `fit` are enough."""

import importlib
from typing import TYPE_CHECKING, Any

from tfctr.training.config import TrainingConfig

if TYPE_CHECKING:
    from tfctr.training.fitting import check_arguments, make_model, train

__all__ = ["TrainingConfig", "check_arguments", "make_model", "train"]


def __getattr__(name: str) -> Any:
    # Keras loads when something is trained, not when a configuration is read.
    if name in __all__:
        return getattr(importlib.import_module("tfctr.training.fitting"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
