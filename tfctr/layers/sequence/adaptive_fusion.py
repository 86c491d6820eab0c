"""A trained balance between two interests (SLi-Rec)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.layers.interaction.mlp import MLP
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["AdaptiveFusion"]


@serializable
class AdaptiveFusion(keras.layers.Layer):
    """`a * first + (1 - a) * second`, `a = sigmoid(MLP([first, second, context]))`.

    Args:
        hidden_units: Widths of the MLP before its last, scalar layer.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        first: `(..., dim)` floats.
        second: `(..., dim)` floats.
        context: `(..., width)` floats: what the balance may depend on.

    Returns:
        `(..., dim)` in the compute dtype.

    >>> layer, ones = AdaptiveFusion([4]), ops.ones((2, 3))
    >>> layer(ones, ones, ones).numpy().tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]

    Source: Yu et al., Adaptive User Modeling with Long and Short-Term Preferences for
    Personalized Recommendation, IJCAI 2019. Deviation: ReLU in the hidden layers, in
    place of the authors' sigmoid.
    """

    def __init__(
        self, hidden_units: Sequence[int], *, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = list(hidden_units)
        self.seed = seed
        self.mlp = MLP(
            self.hidden_units, seed=seed, dtype=self.dtype_policy, name="mlp"
        )
        self.balance = keras.layers.Dense(
            1,
            activation="sigmoid",
            kernel_initializer=glorot(seed, "balance"),
            dtype=self.dtype_policy,
            name="balance",
        )

    def build(
        self, first_shape: Shape, second_shape: Shape, context_shape: Shape
    ) -> None:
        shapes = (first_shape, second_shape, context_shape)
        width = sum(shape[-1] or 0 for shape in shapes)
        self.mlp.build((*first_shape[:-1], width))
        self.balance.build((*first_shape[:-1], self.hidden_units[-1]))

    def call(self, first: Tensor, second: Tensor, context: Tensor) -> Tensor:
        seen = ops.concatenate([first, second, context], axis=-1)
        return second + self.balance(self.mlp(seen)) * (first - second)

    def compute_output_shape(
        self, first_shape: Shape, second_shape: Shape, context_shape: Shape
    ) -> Shape:
        return tuple(first_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "seed": self.seed,
        }
