"""A model that is held to the laws, with data to do it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Arrays", "ModelCase"]

Arrays = Mapping[str, NDArray[Any]]
USER_ROLES = ("user", "context", "sequence")


@dataclass(frozen=True)
class ModelCase:
    """What the laws of models are tested on.

    Attributes:
        factory: Makes the model; takes `seed`, `dtype` and `name`.
        x: Encoded inputs by name, at least 16 rows.
        y: Labels by name, that can be learnt from `x`.
        sample_weight: Weights by label, if any.
        steps: Number of steps in which the loss has to fall.
        learning_rate: Learning rate of Adam in those steps.
        tolerance: Largest difference of two logits that count as equal.
    """

    factory: Callable[..., Any]
    x: Arrays
    y: Arrays
    sample_weight: Arrays | None = None
    steps: int = 200
    learning_rate: float = 0.01
    tolerance: float = 1e-5

    def make(self, *, perturbed: bool = False, **kwargs: Any) -> Any:
        """A built model. `perturbed`: no weight is at its neutral first value."""
        from tfctr.testing.layer_structure import perturb

        model = self.factory(**kwargs)
        model(self.x)
        if perturbed:
            perturb(model)
        return model

    def names(self, model: Any, roles: tuple[str, ...]) -> list[str]:
        """Names of the model's inputs of these roles."""
        return [column.name for column in model.schema.encoded_columns(roles)]

    def user_inputs(self, model: Any) -> dict[str, NDArray[Any]]:
        """Inputs that say who asks, with what history and where."""
        return {name: self.x[name] for name in self.names(model, USER_ROLES)}

    def item_inputs(self, model: Any) -> dict[str, NDArray[Any]]:
        """Inputs that say what is scored."""
        return {name: self.x[name] for name in self.names(model, ("item",))}

    def candidates(self, model: Any, count: int) -> dict[str, NDArray[Any]]:
        """For each row, the items of that row and of the next ones."""
        rows = len(next(iter(self.x.values())))
        picked = (np.arange(rows)[:, None] + np.arange(count)[None]) % rows
        return {name: v[picked] for name, v in self.item_inputs(model).items()}

    def batches(self, steps: int) -> Any:
        """A `tf.data.Dataset` that gives all rows as one batch, `steps` times."""
        import tensorflow as tf  # input of Keras models comes from tf.data

        parts: tuple[Any, ...] = (dict(self.x), dict(self.y))
        if self.sample_weight is not None:
            parts = (*parts, dict(self.sample_weight))
        return tf.data.Dataset.from_tensors(parts).repeat(steps)
