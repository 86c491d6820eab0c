"""Weights of fields that depend on all fields (SENet, FiBiNET)."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.field_pairs import fields_and_dim
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["SqueezeExcitation"]


@serializable
class SqueezeExcitation(keras.layers.Layer):
    """Scales each field by a weight that all fields have a say in.

    `a = relu(relu(z W_1) W_2)` of the means `z` of the fields; field `i` becomes
    `a_i * v_i`. A field of weight 0 is left out.

    Args:
        reduction_ratio: How many times fewer units than fields there are between the
            two kernels; at least one unit.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        fields: `(batch, fields, dim)` floats.

    Returns:
        `(batch, fields, dim)` in the compute dtype.

    Source: Huang et al., FiBiNET, RecSys 2019, SENET layer; from Hu et al.,
    Squeeze-and-Excitation Networks, CVPR 2018.

    >>> tuple(SqueezeExcitation(reduction_ratio=2)(ops.ones((2, 4, 3))).shape)
    (2, 4, 3)
    """

    def __init__(
        self, *, reduction_ratio: int = 3, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if reduction_ratio < 1:
            raise InputError(
                "reduction_ratio",
                received=reduction_ratio,
                expected="a positive number",
            )
        self.reduction_ratio = reduction_ratio
        self.seed = seed

    def build(self, fields_shape: Shape) -> None:
        num_fields, _ = fields_and_dim(fields_shape)
        units = max(1, num_fields // self.reduction_ratio)
        self.squeeze_kernel = self.add_weight(
            name="squeeze_kernel",
            shape=(num_fields, units),
            initializer=glorot(self.seed, "squeeze_kernel"),
        )
        self.excite_kernel = self.add_weight(
            name="excite_kernel",
            shape=(units, num_fields),
            initializer=glorot(self.seed, "excite_kernel"),
        )

    def call(self, fields: Tensor) -> Tensor:
        means = ops.mean(fields, axis=-1)  # (batch, fields)
        hidden = ops.relu(ops.matmul(means, self.squeeze_kernel))
        weights = ops.relu(ops.matmul(hidden, self.excite_kernel))
        return fields * ops.expand_dims(weights, -1)

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return tuple(fields_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "reduction_ratio": self.reduction_ratio,
            "seed": self.seed,
        }
