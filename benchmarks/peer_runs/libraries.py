"""The libraries of the comparison: which module runs them, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["LIBRARIES", "Library"]


@dataclass(frozen=True)
class Library:
    """One row of the table.

    Args:
        name: The library and its version.
        variant: How it is fed.
        module: Module of this package that runs it.
        environment: Name of its environment; the project's own if empty.
        arguments: What the module is told.
        variables: Environment variables of its process.
        is_keras: Whether it is one of the Keras peers.
        is_quick: Whether it is the form of its library that the quick run takes.
    """

    name: str
    variant: str
    module: str
    environment: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    is_keras: bool = False
    is_quick: bool = False

    @property
    def label(self) -> str:
        return f"{self.name}, {self.variant}"


DEEPCTR = {"module": "deepctr_run", "environment": "deepctr", "is_keras": True}
KERAS_RS = {"module": "keras_rs_run", "environment": "keras_rs", "is_keras": True}
RECHUB = {"module": "torch_rechub_run", "environment": "torch_rechub"}

LIBRARIES = (
    Library("tfctr", "packed dataset", "tfctr_run", is_quick=True),
    Library("tfctr", "plain kernels", "tfctr_run", arguments={"compiled": False}),
    Library("DeepCTR 0.9.4", "Keras 3, numpy", **DEEPCTR),
    Library(
        "DeepCTR 0.9.4",
        "legacy Keras, numpy",
        variables={"TF_USE_LEGACY_KERAS": "1"},
        is_quick=True,
        **DEEPCTR,
    ),
    Library(
        "keras-rs 0.4.0", "by hand, numpy", arguments={"feed": "numpy"}, **KERAS_RS
    ),
    Library(
        "keras-rs 0.4.0",
        "by hand, dataset",
        arguments={"feed": "dataset"},
        is_quick=True,
        **KERAS_RS,
    ),
    Library(
        "torch-rechub 0.9.0",
        "ready batches",
        arguments={"feed": "ready"},
        is_quick=True,
        **RECHUB,
    ),
    Library("torch-rechub 0.9.0", "own loader", arguments={"feed": "loader"}, **RECHUB),
)
