"""A stack of dense layers."""

from collections.abc import Sequence
from typing import Any

import keras

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["MLP"]


@serializable
class MLP(keras.layers.Layer):
    """Dense layers with one activation, and dropout after each.

    Args:
        hidden_units: Width of each layer, first to last.
        activation: Activation after every layer.
        final_activation: Activation after the last layer; `activation` by default.
        dropout: Share of units dropped after each layer in training.
        seed: Seed of initial values and dropout.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(..., width)` floats.
        training: Whether dropout is on.

    Returns:
        `(..., hidden_units[-1])` in the compute dtype.

    >>> tuple(MLP([8, 4])(keras.ops.ones((2, 3))).shape)
    (2, 4)
    """

    def __init__(
        self,
        hidden_units: Sequence[int],
        *,
        activation: Any = "relu",
        final_activation: Any = None,
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = list(hidden_units)
        if not self.hidden_units or min(self.hidden_units) < 1:
            raise InputError(
                "hidden_units", received=self.hidden_units, expected="positive widths"
            )
        self.activation = keras.activations.get(activation)
        self.final_activation = (
            self.activation
            if final_activation is None
            else keras.activations.get(final_activation)
        )
        self.dropout = dropout
        self.seed = seed
        last = len(self.hidden_units) - 1
        self.dense_layers = [
            keras.layers.Dense(
                units,
                activation=self.final_activation if place == last else self.activation,
                kernel_initializer=glorot(seed, f"dense_{place}"),
                dtype=self.dtype_policy,
                name=f"dense_{place}",
            )
            for place, units in enumerate(self.hidden_units)
        ]
        self.dropout_layer = keras.layers.Dropout(
            dropout, seed=seed, dtype=self.dtype_policy, name="dropout"
        )

    def build(self, inputs_shape: Shape) -> None:
        shape = tuple(inputs_shape)
        for layer in self.dense_layers:
            layer.build(shape)
            shape = (*shape[:-1], layer.units)
        self.dropout_layer.build(shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        for layer in self.dense_layers:
            inputs = self.dropout_layer(layer(inputs), training=training)
        return inputs

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return (*inputs_shape[:-1], self.hidden_units[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
            "final_activation": keras.activations.serialize(self.final_activation),
            "dropout": self.dropout,
            "seed": self.seed,
        }
