"""Attention with queries, keys and values of their own, by one of two scorers."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["SoftmaxAttention"]

SCORES = ("bilinear", "mlp")


@serializable
class SoftmaxAttention(keras.layers.Layer):
    """Pools values by weights that sum to one over the real ones.

    A weight is the softmax of a score of query `q` and key `k`: `q W k`
    (`"bilinear"`), or that of an MLP on `[q, k, q - k, q * k]` (`"mlp"`), of which the
    parts of query and key are computed once. The bilinear score is linear in each
    number of the key, so it cannot prefer what lies in the middle, such as one hour of
    the day, unless the encoding of it is cyclic. Scores of float32 inputs, such as
    times, are float32 whatever the policy. A row without a real key pools to zeros.

    Args:
        score: `"bilinear"` or `"mlp"`.
        hidden_units: Widths of the MLP before its last, scalar layer.
        activation: Activation of the MLP.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        queries: `(batch, queries, query_dim)` floats.
        keys: `(batch, time, key_dim)` floats; `key_dim` is `query_dim` for `"mlp"`.
        values: `(batch, time, dim)` floats.
        keys_mask: `(batch, time)` booleans, `True` where a key is real.

    Returns:
        `(batch, queries, dim)` in the compute dtype.

    >>> attention, events = SoftmaxAttention(score="bilinear"), ops.ones((2, 5, 3))
    >>> tuple(attention(ops.ones((2, 4, 6)), events, events).shape)
    (2, 4, 3)

    Source: TLSI (arXiv 2511.06213), equations (1), (2) and (16), and its authors' code.
    """

    def __init__(
        self,
        *,
        score: str = "mlp",
        hidden_units: Sequence[int] = (32, 16),
        activation: Any = "relu",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        # Queries and keys may be times, which keep the precision they come in.
        super().__init__(autocast=False, **kwargs)
        if score not in SCORES:
            raise UnknownName("score", score, SCORES)
        self.score = score
        self.hidden_units = list(hidden_units)
        if not self.hidden_units or min(self.hidden_units) < 1:
            raise InputError(
                "hidden_units", received=self.hidden_units, expected="positive widths"
            )
        self.activation = keras.activations.get(activation)
        self.seed = seed

    def build(
        self, queries_shape: Shape, keys_shape: Shape, values_shape: Shape
    ) -> None:
        query_dim, key_dim = queries_shape[-1], keys_shape[-1]
        if self.score == "bilinear":
            self.kernel = self._kernel("kernel", query_dim, key_dim)
            return
        if query_dim != key_dim:
            raise InputError(
                "keys",
                received=f"width {key_dim}",
                expected=f"that of the queries, {query_dim}, for the score 'mlp'",
            )
        widths = [query_dim, *self.hidden_units, 1]
        self.query_kernel, self.key_kernel, self.product_kernel = (
            self._kernel(f"{name}_kernel", *widths[:2])
            for name in ("query", "key", "product")
        )
        self.kernels = [
            self._kernel(f"kernel_{place}", *widths[place : place + 2])
            for place in range(1, len(widths) - 1)
        ]
        # A bias of the score itself would not change a softmax.
        self.biases = [
            self.add_weight(
                name=f"bias_{place}",
                shape=(width,),
                initializer="zeros",
                autocast=False,
            )
            for place, width in enumerate(self.hidden_units)
        ]

    def call(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        keys_mask: Tensor | None = None,
    ) -> Tensor:
        weights = self.weights_of(queries, keys, keys_mask)
        return ops.matmul(
            ops.cast(weights, self.compute_dtype), ops.cast(values, self.compute_dtype)
        )

    def weights_of(
        self, queries: Tensor, keys: Tensor, keys_mask: Tensor | None = None
    ) -> Tensor:
        """`(batch, queries, time)` float32 weights: zero at padding, else of sum one.

        Args:
            queries: As for a call.
            keys: As for a call.
            keys_mask: As for a call.
        """
        scores = self._bilinear if self.score == "bilinear" else self._mlp
        scores = ops.cast(scores(queries, keys), "float32")
        real = True if keys_mask is None else ops.expand_dims(keys_mask, 1)
        # Keras warns of its own softmax where a history has room for one event.
        scores = ops.where(real, scores, -1e9)
        highest = ops.max(scores, axis=-1, keepdims=True, initial=-1e9)
        shares = ops.where(real, ops.exp(scores - ops.stop_gradient(highest)), 0.0)
        return shares / ops.maximum(ops.sum(shares, axis=-1, keepdims=True), 1e-9)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Ends the mask here: the output has no time axis."""

    def compute_output_shape(
        self, queries_shape: Shape, keys_shape: Shape, values_shape: Shape
    ) -> Shape:
        return (*queries_shape[:2], values_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "score": self.score,
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
            "seed": self.seed,
        }

    def _bilinear(self, queries: Tensor, keys: Tensor) -> Tensor:
        mixed = ops.matmul(queries, ops.cast(self.kernel, queries.dtype))
        return ops.matmul(mixed, ops.transpose(keys, (0, 2, 1)))

    def _mlp(self, queries: Tensor, keys: Tensor) -> Tensor:
        dtype = queries.dtype
        by_query = ops.matmul(queries, ops.cast(self.query_kernel, dtype))
        by_key = ops.matmul(keys, ops.cast(self.key_kernel, dtype))
        # One (units x time) product a query: nothing of size queries * time * dim.
        on_product = ops.transpose(ops.cast(self.product_kernel, dtype))
        weighted = ops.expand_dims(queries, 2) * on_product
        product = ops.matmul(
            ops.expand_dims(keys, 1), ops.transpose(weighted, (0, 1, 3, 2))
        )  # (batch, queries, time, units)
        hidden = product + ops.expand_dims(by_query, 2) + ops.expand_dims(by_key, 1)
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            hidden = self.activation(hidden + ops.cast(bias, dtype))
            hidden = ops.matmul(hidden, ops.cast(kernel, dtype))
        return ops.squeeze(hidden, -1)

    def _kernel(self, name: str, rows: int | None, columns: int | None) -> Any:
        return self.add_weight(
            name=name,
            shape=(rows, columns),
            initializer=glorot(self.seed, name),
            autocast=False,
        )
