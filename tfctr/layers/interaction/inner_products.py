"""Dot products of all pairs of fields (PNN)."""

from typing import Any

import keras
from keras import ops

from tfctr.layers.interaction.field_pairs import fields_and_dim, pair_places
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["InnerProducts"]


@serializable
class InnerProducts(keras.layers.Layer):
    """`p_ij = <v_i, v_j>` for all pairs of fields `i < j`.

    All pairs come from one matrix product; nothing of size pairs times width is made.

    Args:
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        fields: `(batch, fields, dim)` floats.

    Returns:
        `(batch, fields * (fields - 1) / 2)` in the compute dtype, in the order
        (0, 1), (0, 2), ..., (1, 2), ...

    Source: Qu et al., Product-based Neural Networks, ICDM 2016, inner product layer.

    >>> vectors = ops.convert_to_tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
    >>> InnerProducts()(vectors).numpy().tolist()
    [[11.0, 17.0, 39.0]]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, fields: Tensor) -> Tensor:
        num_fields, _ = fields_and_dim(fields.shape)
        first, second = pair_places(num_fields)
        # (batch, fields, fields)
        products = ops.matmul(fields, ops.transpose(fields, (0, 2, 1)))
        flat = ops.reshape(products, (-1, num_fields * num_fields))
        return ops.take(flat, first * num_fields + second, axis=1)

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        num_fields, _ = fields_and_dim(fields_shape)
        return (fields_shape[0], num_fields * (num_fields - 1) // 2)
