"""Click and conversion prediction on TensorFlow and Keras 3.

Subpackages load on first use, so `import tfctr` itself costs nothing:

    data, features          data sets, the feature schema, what is learnt from data
    layers, models          Keras layers by what they do, models by method
    losses, metrics, optimizers, training, evaluation
    calibration             probabilities that are observed, as part of the graph
    export                  one SavedModel with all serving signatures
    testing                 laws for layers, metrics and models, also your own
    pipelines, serving      TFX and TF Serving; extras of the same names
"""

import importlib
from types import ModuleType

from tfctr.version import __version__

_SUBPACKAGES = (
    "calibration",
    "data",
    "evaluation",
    "export",
    "features",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "pipelines",
    "serving",
    "testing",
    "training",
)

__all__ = ["__version__", *_SUBPACKAGES]


def __getattr__(name: str) -> ModuleType:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"tfctr.{name}")
    raise AttributeError(f"module 'tfctr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
