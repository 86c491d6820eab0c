"""Attention that merges several conditions into one."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["ConditionAttention"]

MASKED_SCORE = -1e9


@serializable
class ConditionAttention(keras.layers.Layer):
    """Averages the conditions of an example by how much each matters.

    `weight_c = softmax_c(v . tanh(W z_c + b))`, in float32. A row without any real
    condition pools to zeros.

    Args:
        units: Width of the scoring layer.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        conditions: `(..., conditions, width)` floats.
        conditions_mask: `(..., conditions)` booleans, `True` where one is real.

    Returns:
        `(..., width)` in the compute dtype.

    Source: Yan et al., APG, NeurIPS 2022, names attention as an aggregation; the
    formula here is that of additive attention (Bahdanau et al., ICLR 2015).

    >>> tuple(ConditionAttention()(ops.ones((2, 3, 4))).shape)
    (2, 4)
    """

    def __init__(self, *, units: int = 16, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise InputError("units", received=units, expected="a positive number")
        self.units = units
        self.seed = seed

    def build(
        self, conditions_shape: Shape, conditions_mask_shape: Shape | None = None
    ) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(conditions_shape[-1], self.units),
            initializer=glorot(self.seed, "kernel"),
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.units,), initializer="zeros"
        )
        self.score = self.add_weight(
            name="score", shape=(self.units, 1), initializer=glorot(self.seed, "score")
        )

    def weights_of(
        self, conditions: Tensor, conditions_mask: Tensor | None = None
    ) -> Tensor:
        """Float32 weights `(..., conditions)` that sum to one over the real ones."""
        kernel, bias, score = (
            ops.cast(weight, "float32")
            for weight in (self.kernel, self.bias, self.score)
        )
        hidden = ops.tanh(ops.matmul(ops.cast(conditions, "float32"), kernel) + bias)
        scores = ops.squeeze(ops.matmul(hidden, score), -1)
        if conditions_mask is None:
            return ops.softmax(scores, axis=-1)
        weights = ops.softmax(ops.where(conditions_mask, scores, MASKED_SCORE), axis=-1)
        return ops.where(conditions_mask, weights, 0.0)

    def call(self, conditions: Tensor, conditions_mask: Tensor | None = None) -> Tensor:
        weights = self.weights_of(conditions, conditions_mask)
        weights = ops.cast(ops.expand_dims(weights, -2), conditions.dtype)
        return ops.squeeze(ops.matmul(weights, conditions), -2)

    def compute_output_shape(
        self, conditions_shape: Shape, conditions_mask_shape: Shape | None = None
    ) -> Shape:
        return (*conditions_shape[:-2], conditions_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "seed": self.seed}
