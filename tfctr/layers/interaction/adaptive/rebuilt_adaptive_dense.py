"""Adaptive dense layer of low rank, matrix rebuilt (APG v2)."""

from collections.abc import Mapping

from keras import ops

from tfctr.layers.interaction.adaptive.decomposed_adaptive_dense import (
    DecomposedAdaptiveDense,
)
from tfctr.layers.interaction.adaptive.products import rows_times
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["RebuiltAdaptiveDense"]


@serializable
class RebuiltAdaptiveDense(DecomposedAdaptiveDense):
    """Generates three small factors and multiplies them before they are applied.

    `inputs (A C B) + bias`: the function of `DecomposedAdaptiveDense`, at the cost of
    the tensor `(..., width, units)`. For comparison only.

    Args:
        units: Width of the outputs.
        rank: Rank of every example's matrix, at most `width` and `units`.
        activation: Activation of the outputs; none by default.
        use_bias: Whether there is a bias, static and shared by all examples.
        generator: `GeneratorConfig` or its dict: one linear layer by default.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(..., width)` floats.
        condition: `(..., condition_width)` floats.
        condition_weights: `(..., conditions)` floats, see `AdaptiveDense`. Optional.

    Returns:
        `(..., units)` in the compute dtype.

    Source: Yan et al., APG, NeurIPS 2022, version 2 of table 3.

    >>> import keras
    >>> layer = RebuiltAdaptiveDense(4, rank=2)
    >>> tuple(layer(keras.ops.ones((2, 3)), keras.ops.ones((2, 5))).shape)
    (2, 4)
    """

    def transform(self, inputs: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        left = ops.matmul(parameters["input_factor"], parameters["core"])
        return rows_times(inputs, ops.matmul(left, parameters["output_factor"]))
