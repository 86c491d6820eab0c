"""Explicit interactions of vectors of bounded degree (CIN, xDeepFM)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.field_pairs import fields_and_dim
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["CompressedInteraction"]

# Products by element that exist at once for each example and each of `dim`. Of 64 to
# 1,664 this was the fastest, and needs the least memory.
PRODUCTS_AT_ONCE = 128


@serializable
class CompressedInteraction(keras.layers.Layer):
    """Feature maps `x_h = sum_ij W_h,ij (x'_i * v_j)` of the maps `x'` before them.

    The maps of the first layer come from the fields with themselves, so layer `k` holds
    interactions of degree `k + 1`. Every map of every layer is summed over `dim`.

    The products `x'_i * v_j` of all maps with all fields never exist at once, neither
    in a call nor for its gradient, which makes them again: a few fields at a time.

    Args:
        num_feature_maps: Number of maps of each layer, first to last.
        activation: Activation of the maps; linear in the paper.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        fields: `(batch, fields, dim)` floats.

    Returns:
        `(batch, sum(num_feature_maps))` in the compute dtype, first layer first.

    Source: Lian et al., xDeepFM, KDD 2018, section 3.2, equation (6).

    >>> tuple(CompressedInteraction([5, 2])(ops.ones((2, 4, 3))).shape)
    (2, 7)
    """

    def __init__(
        self,
        num_feature_maps: Sequence[int],
        *,
        activation: Any = "linear",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_feature_maps = list(num_feature_maps)
        if not self.num_feature_maps or min(self.num_feature_maps) < 1:
            raise InputError(
                "num_feature_maps",
                received=self.num_feature_maps,
                expected="positive numbers",
            )
        self.activation = keras.activations.get(activation)
        self.seed = seed

    def build(self, fields_shape: Shape) -> None:
        num_fields, _ = fields_and_dim(fields_shape)
        self.kernels = []
        before = num_fields
        for place, count in enumerate(self.num_feature_maps):
            # Row `j * before + i` is for field `j` and map `i`.
            weight = self.add_weight(
                name=f"kernel_{place}",
                shape=(num_fields * before, count),
                initializer=glorot(self.seed, f"kernel_{place}"),
            )
            self.kernels.append(weight)
            before = count

    def call(self, fields: Tensor) -> Tensor:
        # Each of `dim` is a row of its own: (batch, dim, fields).
        fields = ops.transpose(fields, (0, 2, 1))
        maps, sums = fields, []
        for kernel in self.kernels:
            shape = (fields.shape[-1], maps.shape[-1], kernel.shape[-1])
            maps = _compressed(maps, fields, ops.reshape(kernel, shape))
            maps = self.activation(maps)
            total = ops.sum(ops.cast(maps, "float32"), axis=1)
            sums.append(ops.cast(total, self.compute_dtype))
        return ops.concatenate(sums, axis=-1)

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (fields_shape[0], sum(self.num_feature_maps))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_feature_maps": self.num_feature_maps,
            "activation": keras.activations.serialize(self.activation),
            "seed": self.seed,
        }


@ops.custom_gradient
def _compressed(maps: Tensor, fields: Tensor, kernel: Tensor) -> Any:
    """`(batch, dim, units)` sums of products; the kernel is `(fields, maps, units)`."""
    spans = _spans(fields.shape[-1], maps.shape[-1])
    total = sum(
        ops.cast(
            ops.matmul(_products(maps, fields[..., a:b]), _flat(kernel[a:b])), "float32"
        )
        for a, b in spans
    )

    def gradient(*args: Tensor, upstream: Tensor | None = None) -> Any:
        upstream = args[0] if upstream is None else upstream
        parts = [
            _gradients(maps, fields[..., a:b], kernel[a:b], upstream) for a, b in spans
        ]
        of_maps, of_fields, of_kernel = zip(*parts, strict=True)
        return (
            ops.cast(sum(of_maps), maps.dtype),
            ops.concatenate(of_fields, axis=-1),
            ops.concatenate(of_kernel, axis=0),
        )

    return ops.cast(total, maps.dtype), gradient


def _gradients(
    maps: Tensor, fields: Tensor, kernel: Tensor, upstream: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What some of the fields add to the gradients of maps, fields and kernel."""
    num_fields, num_maps, units = kernel.shape
    products = ops.reshape(_products(maps, fields), (-1, num_fields * num_maps))
    of_kernel = ops.matmul(ops.transpose(products), ops.reshape(upstream, (-1, units)))
    of_products = ops.reshape(
        ops.matmul(upstream, ops.transpose(_flat(kernel))),
        (-1, maps.shape[1], num_fields, num_maps),
    )
    of_maps = ops.sum(of_products * ops.expand_dims(fields, -1), axis=-2)
    return (
        ops.cast(of_maps, "float32"),
        ops.sum(of_products * ops.expand_dims(maps, -2), axis=-1),
        ops.reshape(of_kernel, kernel.shape),
    )


def _products(maps: Tensor, fields: Tensor) -> Tensor:
    """`(batch, dim, fields * maps)`: each field with every map."""
    outer = ops.expand_dims(fields, -1) * ops.expand_dims(maps, -2)
    return ops.reshape(outer, (-1, maps.shape[1], fields.shape[-1] * maps.shape[-1]))


def _flat(kernel: Tensor) -> Tensor:
    """`(fields * maps, units)`."""
    return ops.reshape(kernel, (-1, kernel.shape[-1]))


def _spans(num_fields: int, num_maps: int) -> list[tuple[int, int]]:
    """First and last place, exclusive, of the fields that are multiplied at once."""
    step = max(1, PRODUCTS_AT_ONCE // num_maps)
    return [
        (start, min(start + step, num_fields)) for start in range(0, num_fields, step)
    ]
