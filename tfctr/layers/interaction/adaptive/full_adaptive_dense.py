"""Adaptive dense layer whose whole matrix is generated (APG v1)."""

from collections.abc import Mapping

from tfctr.layers.interaction.adaptive.adaptive_dense import AdaptiveDense
from tfctr.layers.interaction.adaptive.products import rows_times
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["FullAdaptiveDense"]


@serializable
class FullAdaptiveDense(AdaptiveDense):
    """Generates all weights: `inputs W(condition) + bias`, with a matrix an example.

    The most general kind and by far the most expensive: `width * units *
    condition_width` parameters, and a tensor `(..., width, units)`.

    Args:
        units: Width of the outputs.
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

    Source: Yan et al., APG, NeurIPS 2022, version 1 of table 3.

    >>> import keras
    >>> layer = FullAdaptiveDense(4)
    >>> tuple(layer(keras.ops.ones((2, 3)), keras.ops.ones((2, 5))).shape)
    (2, 4)
    """

    def generated_shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        return {"kernel": (width, self.units)}

    def transform(self, inputs: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        return rows_times(inputs, parameters["kernel"])
