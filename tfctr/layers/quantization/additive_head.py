"""Logits as a sum of a cosine and a linear form of the interest (TARQ)."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["AdditiveHead"]


@serializable
class AdditiveHead(keras.layers.Layer):
    """`logits = s * cos(user, item) + <w, h> + b`: the cheapest head.

    `<w, h>` is a sum over the candidate's codewords, so each codeword becomes one
    number a logit once a request (`project`), and a candidate adds as many numbers as
    there are levels to a cosine (`combine`). A call is both.

    Args:
        units: Number of logits.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        interests: `(batch, candidates, dim)` floats.
        items: `(batch, candidates, vector_dim)` unit vectors.
        users: `(batch, vector_dim)` unit vectors.

    Returns:
        `(batch, candidates, units)` in the compute dtype.

    >>> head, vectors = AdditiveHead(1), ops.ones((2, 5, 4))
    >>> tuple(head(ops.ones((2, 5, 3)), vectors, vectors[:, 0]).shape)
    (2, 5, 1)

    Source: ours; the head of TARQ is not published. See docs/methods/tarq.md.
    """

    def __init__(self, units: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise InputError("units", received=units, expected="a positive number")
        self.units = units
        self.seed = seed

    def build(
        self, interests_shape: Shape, items_shape: Shape, users_shape: Shape
    ) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(interests_shape[-1], self.units),
            initializer=glorot(self.seed, "kernel"),
        )
        for name, value in (("scale", 5.0), ("bias", 0.0)):
            weight = self.add_weight(
                name=name,
                shape=(self.units,),
                initializer=keras.initializers.Constant(value),
            )
            setattr(self, name, weight)

    def call(self, interests: Tensor, items: Tensor, users: Tensor) -> Tensor:
        return self.combine(self.project(interests), items, users)

    def project(self, interests: Tensor) -> Tensor:
        """What is linear in the interest, so that it can be applied to codewords.

        Args:
            interests: `(..., dim)` floats.
        """
        return ops.matmul(interests, self.kernel)

    def combine(self, projected: Tensor, items: Tensor, users: Tensor) -> Tensor:
        """Logits of sums of projected codewords.

        Args:
            projected: `(batch, candidates, units)` floats.
            items: As for a call.
            users: As for a call.
        """
        cosine = ops.matmul(items, ops.expand_dims(users, -1))
        return cosine * self.scale + projected + self.bias

    def compute_output_shape(
        self, interests_shape: Shape, items_shape: Shape, users_shape: Shape
    ) -> Shape:
        return (*interests_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "seed": self.seed}
