"""Products of all pairs of fields through trained matrices (FiBiNET)."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import UnknownName
from tfctr.layers.interaction.field_pairs import fields_and_dim, pair_places
from tfctr.saving import serializable
from tfctr.seeds import normal
from tfctr.types import Shape, Tensor

__all__ = ["BilinearInteraction"]

BILINEAR_TYPES = ("all", "each", "interaction")


@serializable
class BilinearInteraction(keras.layers.Layer):
    """`p_ij = (v_i W) * v_j` by element, for all pairs of fields `i < j`.

    Args:
        bilinear_type: Whose `W` it is: `"all"`, one for all pairs; `"each"`, one for
            each first field; `"interaction"`, one for each pair.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        fields: `(batch, fields, dim)` floats.

    Returns:
        `(batch, fields * (fields - 1) / 2, dim)` in the compute dtype, in the order
        (0, 1), (0, 2), ..., (1, 2), ...

    Source: Huang et al., FiBiNET, RecSys 2019, Bilinear-Interaction layer.

    >>> tuple(BilinearInteraction()(ops.ones((2, 4, 3))).shape)
    (2, 6, 3)
    """

    def __init__(
        self, *, bilinear_type: str = "each", seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if bilinear_type not in BILINEAR_TYPES:
            raise UnknownName("bilinear_type", bilinear_type, BILINEAR_TYPES)
        self.bilinear_type = bilinear_type
        self.seed = seed

    def build(self, fields_shape: Shape) -> None:
        num_fields, dim = fields_and_dim(fields_shape)
        first, _ = pair_places(num_fields)
        count = {"all": 1, "each": num_fields - 1, "interaction": len(first)}
        self.kernel = self.add_weight(
            name="kernel",
            shape=(count[self.bilinear_type], dim, dim),
            # Glorot's deviation of one matrix: Keras would take all for one.
            initializer=normal(self.seed, "kernel", dim**-0.5),
        )

    def call(self, fields: Tensor) -> Tensor:
        first, second = pair_places(fields.shape[1])
        # Field axis first: matrices of fields multiply whole batches.
        by_field = ops.transpose(fields, (1, 0, 2))  # (fields, batch, dim)
        if self.bilinear_type == "interaction":
            left = ops.matmul(ops.take(by_field, first, axis=0), self.kernel)
        else:
            left = ops.take(ops.matmul(by_field[:-1], self.kernel), first, axis=0)
        products = left * ops.take(by_field, second, axis=0)
        return ops.transpose(products, (1, 0, 2))

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        num_fields, dim = fields_and_dim(fields_shape)
        return (fields_shape[0], num_fields * (num_fields - 1) // 2, dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "bilinear_type": self.bilinear_type,
            "seed": self.seed,
        }
