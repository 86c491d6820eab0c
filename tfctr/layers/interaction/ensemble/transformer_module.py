"""A Transformer encoder layer over embeddings."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.ensemble.interaction_module import InteractionModule
from tfctr.layers.interaction.mlp import MLP
from tfctr.layers.softmax import softmax
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["TransformerModule"]

KERNELS = ("query_kernel", "key_kernel", "value_kernel")
EPSILON = 1e-6


@serializable
class TransformerModule(InteractionModule):
    """One encoder layer: embeddings attend to each other, then an MLP on each.

    `x' = LN(x + softmax(Q K^T / sqrt(d_head)) V W_O)`, `x'' = LN(x' + MLP(x'))`, with
    the layer's own residuals and no positions: the order of the embeddings is without
    meaning. Softmax is in float32.

    Args:
        num_heads: Number of heads, a divisor of the width.
        feedforward_units: Width of the MLP inside; twice the embeddings' by default.
        **kwargs: As for `InteractionModule`.

    Source: Vaswani et al., 2017, as in Zhang et al., DHEN, 2022, equation (4).

    >>> tuple(TransformerModule(2, num_outputs=2)(ops.ones((3, 5, 4))).shape)
    (3, 2, 4)
    """

    def __init__(
        self, num_heads: int = 1, *, feedforward_units: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (
            ("num_heads", num_heads),
            ("feedforward_units", feedforward_units),
        ):
            if value is not None and value < 1:
                raise InputError(name, received=value, expected="a positive number")
        self.num_heads, self.feedforward_units = num_heads, feedforward_units
        self.norms = [
            keras.layers.LayerNormalization(
                epsilon=EPSILON, dtype=self.dtype_policy, name=f"norm_{place}"
            )
            for place in range(2)
        ]

    def build_interaction(self, num_fields: int, dim: int) -> Shape:
        if dim % self.num_heads:
            raise InputError(
                "num_heads",
                received=self.num_heads,
                expected=f"a divisor of the embeddings' width, {dim}",
            )
        for name in (*KERNELS, "attention_output_kernel"):
            weight = self.add_weight(
                name=name, shape=(dim, dim), initializer=glorot(self.seed, name)
            )
            setattr(self, name, weight)
        self.feedforward = MLP(
            [self.feedforward_units or 2 * dim, dim],
            final_activation="linear",
            seed=self.seed,
            dtype=self.dtype_policy,
            name="feedforward",
        )
        for layer in (*self.norms, self.feedforward):
            layer.build((None, num_fields, dim))
        return (num_fields, dim)

    def interact(self, fields: Tensor, training: bool = False) -> Tensor:
        kernel = ops.concatenate([getattr(self, name) for name in KERNELS], axis=-1)
        projected = ops.split(ops.matmul(fields, kernel), len(KERNELS), axis=-1)
        queries, keys, values = (self._heads(part) for part in projected)
        scores = ops.einsum("bhmx,bhnx->bhmn", queries, keys)
        weights = softmax(ops.cast(scores, "float32") / queries.shape[-1] ** 0.5)
        weights = ops.cast(weights, self.compute_dtype)
        attended = ops.einsum("bhmn,bhnx->bmhx", weights, values)
        attended = ops.reshape(attended, (-1, fields.shape[1], fields.shape[2]))
        attended = ops.matmul(attended, self.attention_output_kernel)
        hidden = self.norms[0](fields + attended)
        return self.norms[1](hidden + self.feedforward(hidden, training=training))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "feedforward_units": self.feedforward_units,
        }

    def _heads(self, projected: Tensor) -> Tensor:
        """From `(batch, fields, dim)` to `(batch, heads, fields, dim / heads)`."""
        shape = (
            -1,
            projected.shape[1],
            self.num_heads,
            projected.shape[2] // self.num_heads,
        )
        return ops.transpose(ops.reshape(projected, shape), (0, 2, 1, 3))
