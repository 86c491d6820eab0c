"""Multi-head attention to the events of a history."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["EventAttention"]

KERNELS = ("softmax", "linear")


@serializable
class EventAttention(keras.layers.Layer):
    """`MHA(queries, events, events)` over the real events of each history.

    In each head of width `d`, `o = sum_t w_t (e_t W_V)` with the weights
    `w = softmax_t(q W_Q . e_t W_K / sqrt(d))` in float32; heads are joined and
    multiplied by `W_O`. There are no biases, so a history without events gives zeros,
    and the `linear` kernel is linear in the query.

    Args:
        dim: Width of the result, over all heads.
        num_heads: Number of heads; divides `dim`.
        kernel: `softmax`; or `linear`, whose weights are the scores themselves: the
            one for which attention of a sum is the sum of attentions.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        queries: `(batch, queries, query_dim)` floats.
        events: `(batch, time, event_dim)` floats.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, queries, dim)` in the compute dtype.

    >>> attention, events = EventAttention(8, num_heads=2), ops.ones((2, 5, 3))
    >>> tuple(attention(ops.ones((2, 4, 6)), events).shape)
    (2, 4, 8)

    Source: Vaswani et al., Attention Is All You Need, NeurIPS 2017, section 3.2.2.
    """

    def __init__(
        self,
        dim: int,
        *,
        num_heads: int = 4,
        kernel: str = "softmax",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if dim < 1 or num_heads < 1 or dim % num_heads:
            raise InputError(
                "num_heads",
                received=f"{num_heads} heads of width {dim} in all",
                expected="a positive number that divides the width",
            )
        if kernel not in KERNELS:
            raise UnknownName("kernel", kernel, KERNELS)
        self.dim = dim
        self.num_heads = num_heads
        self.kernel = kernel
        self.seed = seed

    def build(self, queries_shape: Shape, events_shape: Shape) -> None:
        for name, width in (
            ("query_kernel", queries_shape[-1]),
            ("key_kernel", events_shape[-1]),
            ("value_kernel", events_shape[-1]),
            ("output_kernel", self.dim),
        ):
            weight = self.add_weight(
                name=name,
                shape=(width, self.dim),
                initializer=glorot(self.seed, name),
            )
            setattr(self, name, weight)

    def call(
        self, queries: Tensor, events: Tensor, events_mask: Tensor | None = None
    ) -> Tensor:
        return self.attend(queries, events, events_mask)

    def attend(
        self, queries: Tensor, events: Tensor, events_mask: Tensor | None
    ) -> Tensor:
        """The result for queries that may be the same for the whole batch.

        Args:
            queries: `(batch or 1, queries, query_dim)` floats.
            events: As for a call.
            events_mask: As for a call.
        """
        # (batch, heads, rows, width of a head)
        asked = self._heads(ops.matmul(queries, self.query_kernel))
        keys = self._heads(ops.matmul(events, self.key_kernel))
        values = self._heads(ops.matmul(events, self.value_kernel))
        scores = ops.matmul(asked, ops.transpose(keys, (0, 1, 3, 2)))
        scores = ops.cast(scores, "float32") / (self.dim // self.num_heads) ** 0.5
        weights = ops.cast(self._weights(scores, events_mask), self.compute_dtype)
        pooled = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))
        shape = (*ops.shape(pooled)[:2], self.dim)
        return ops.matmul(ops.reshape(pooled, shape), self.output_kernel)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Ends the mask here: the output has no time axis."""

    def compute_output_shape(self, queries_shape: Shape, events_shape: Shape) -> Shape:
        return (*queries_shape[:2], self.dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "num_heads": self.num_heads,
            "kernel": self.kernel,
            "seed": self.seed,
        }

    def _weights(self, scores: Tensor, events_mask: Tensor | None) -> Tensor:
        real = True
        if events_mask is not None:
            real = ops.expand_dims(ops.expand_dims(events_mask, 1), 1)
        if self.kernel == "softmax" and scores.shape[-1] == 1:
            scores = ops.ones_like(scores)  # Keras warns of a softmax of one number
        elif self.kernel == "softmax":
            scores = ops.softmax(ops.where(real, scores, -1e9), axis=-1)
        return ops.where(real, scores, 0.0)

    def _heads(self, rows: Tensor) -> Tensor:
        """From `(batch, rows, dim)` to `(batch, heads, rows, dim of a head)`."""
        shape = (*ops.shape(rows)[:2], self.num_heads, self.dim // self.num_heads)
        return ops.transpose(ops.reshape(rows, shape), (0, 2, 1, 3))
