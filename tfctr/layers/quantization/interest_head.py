"""Logits of a student's interest alone (TARQ)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.mlp import MLP
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["InterestHead"]


@serializable
class InterestHead(keras.layers.Layer):
    """`logits = MLP(h)` of the interest `h`, the sum of a candidate's codewords.

    The first layer is linear before its activation, so it is applied to the codewords
    once a request (`project`), and a candidate costs the sum of `hidden_units[0]` wide
    rows and the layers after it (`combine`). A call is both.

    Args:
        units: Number of logits.
        hidden_units: Widths of the hidden layers.
        activation: Activation of the hidden layers.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        interests: `(batch, candidates, dim)` floats.
        items: `(batch, candidates, vector_dim)` unit vectors; not used here.
        users: `(batch, vector_dim)` unit vectors; not used here.

    Returns:
        `(batch, candidates, units)` in the compute dtype.

    >>> head, vectors = InterestHead(1), ops.ones((2, 5, 4))
    >>> tuple(head(ops.ones((2, 5, 3)), vectors, vectors[:, 0]).shape)
    (2, 5, 1)

    Source: ours; the head of TARQ is not published. See docs/methods/tarq.md.
    """

    def __init__(
        self,
        units: int,
        *,
        hidden_units: Sequence[int] = (32,),
        activation: Any = "relu",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.hidden_units = list(hidden_units)
        if units < 1 or not self.hidden_units or min(self.hidden_units) < 1:
            raise InputError(
                "hidden_units",
                received=f"{self.hidden_units} before {units} units",
                expected="positive widths",
            )
        self.activation = keras.activations.get(activation)
        self.seed = seed
        self.mlp = MLP(
            [*self.hidden_units[1:], units],
            activation=self.activation,
            final_activation="linear",
            seed=seed,
            dtype=self.dtype_policy,
            name="mlp",
        )

    def build(
        self, interests_shape: Shape, items_shape: Shape, users_shape: Shape
    ) -> None:
        width = self.hidden_units[0]
        for name, rows in self._kernels(interests_shape[-1], items_shape[-1]).items():
            weight = self.add_weight(
                name=name, shape=(rows, width), initializer=glorot(self.seed, name)
            )
            setattr(self, name, weight)
        self.bias = self.add_weight(name="bias", shape=(width,), initializer="zeros")
        self.mlp.build((*interests_shape[:-1], width))

    def call(self, interests: Tensor, items: Tensor, users: Tensor) -> Tensor:
        return self.combine(self.project(interests), items, users)

    def project(self, interests: Tensor) -> Tensor:
        """What is linear in the interest, so that it can be applied to codewords.

        Args:
            interests: `(..., dim)` floats.
        """
        return ops.matmul(interests, self.interest_kernel)

    def combine(self, projected: Tensor, items: Tensor, users: Tensor) -> Tensor:
        """Logits of sums of projected codewords.

        Args:
            projected: `(batch, candidates, hidden_units[0])` floats.
            items: As for a call.
            users: As for a call.
        """
        return self.mlp(self.activation(projected + self.bias))

    def compute_output_shape(
        self, interests_shape: Shape, items_shape: Shape, users_shape: Shape
    ) -> Shape:
        return (*interests_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
            "seed": self.seed,
        }

    def _kernels(self, dim: int | None, vector_dim: int | None) -> dict[str, Any]:
        """Number of inputs of the first layer by the name of its kernel."""
        return {"interest_kernel": dim}
