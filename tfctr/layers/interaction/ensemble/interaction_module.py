"""What all modules of a hierarchical ensemble have in common."""

import abc
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.field_pairs import fields_and_dim
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["InteractionModule"]


class InteractionModule(keras.layers.Layer, abc.ABC):
    """Makes embeddings of embeddings: `(batch, m, d)` becomes `(batch, l, d)`.

    A module of one's own is a subclass with `interact`, which gives either embeddings
    `(batch, any number, d)` or a vector `(batch, any width)`. This class maps them to
    `l` embeddings: along the axis of their number, `u = W X` with `W (m', l)`, or from
    the vector by `W (h, l d)`, neither with a bias.

    Args:
        num_outputs: Embeddings that it gives, `l`; as many as it gets by default.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        fields: `(batch, fields, dim)` floats.
        training: Whether dropout is on.

    Returns:
        `(batch, num_outputs, dim)` in the compute dtype.

    Source: Zhang et al., DHEN, 2022, equations (3) to (7).
    """

    def __init__(
        self, *, num_outputs: int | None = None, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if num_outputs is not None and num_outputs < 1:
            raise InputError(
                "num_outputs", received=num_outputs, expected="a positive number"
            )
        self.num_outputs = num_outputs
        self.seed = seed

    @abc.abstractmethod
    def interact(self, fields: Tensor, training: bool = False) -> Tensor:
        """Embeddings `(batch, any number, dim)` or a vector `(batch, any width)`."""

    def build_interaction(self, num_fields: int, dim: int) -> Shape:
        """Makes the weights of `interact`; its result's shape without the batch."""
        return (num_fields, dim)

    def build(self, fields_shape: Shape) -> None:
        num_fields, dim = fields_and_dim(fields_shape)
        made = self.build_interaction(num_fields, dim)
        outputs = self.num_outputs or num_fields
        shape = (made[0], outputs if len(made) == 2 else outputs * dim)
        self.output_kernel = self.add_weight(
            name="output_kernel",
            shape=shape,
            initializer=glorot(self.seed, "output_kernel"),
        )

    def call(self, fields: Tensor, training: bool = False) -> Tensor:
        made = self.interact(fields, training)
        if len(made.shape) == 3:
            return ops.einsum("bmd,ml->bld", made, self.output_kernel)
        flat = ops.matmul(made, self.output_kernel)
        return ops.reshape(flat, (-1, *self.compute_output_shape(fields.shape)[1:]))

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        num_fields, dim = fields_and_dim(fields_shape)
        return (fields_shape[0], self.num_outputs or num_fields, dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_outputs": self.num_outputs,
            "seed": self.seed,
        }
