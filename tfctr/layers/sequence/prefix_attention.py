"""Attention in which each query sees the first so many keys."""

import math
from dataclasses import dataclass

from keras import ops

from tfctr.types import Tensor

__all__ = ["PrefixAttention"]

NEVER = -1e9


@dataclass(frozen=True)
class PrefixAttention:
    """Each query attends to its first `visible` keys, and to one of its own if given.

    With `s = scale * q . k + bias`, SiLU attention weighs a value by
    `silu(s) / divisor`, whatever else there is; softmax shares one among all that is
    seen, the own key included. A query that sees nothing gets zeros.

    Args:
        kind: `silu` or `softmax`.
        divisor: What SiLU scores are divided by.
        scale: Factor of the products.
    """

    kind: str
    divisor: float
    scale: float = 1.0

    def __call__(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        visible: Tensor,
        bias: Tensor | None = None,
        own: tuple[Tensor, Tensor, Tensor | None] | None = None,
    ) -> Tensor:
        """Attends.

        Args:
            queries: `(batch, queries, heads, query_dim)`.
            keys: `(batch, keys, heads, query_dim)`.
            values: `(batch, keys, heads, value_dim)`.
            visible: `(batch or 1, queries)` integers: how many keys each query sees.
            bias: `(batch or 1, queries, keys)` float32 for all heads, or `None`.
            own: Keys `(batch, queries, heads, query_dim)`, values and biases
                `(batch or 1, queries)` of the queries' own places, or `None`.

        Returns:
            `(batch, queries, heads, value_dim)` in the dtype of `values`.
        """
        scores = ops.matmul(_by_head(queries), ops.swapaxes(_by_head(keys), 2, 3))
        scores = ops.cast(scores, "float32") * self.scale
        if bias is not None:
            scores = scores + ops.expand_dims(bias, 1)
        steps = ops.arange(ops.shape(keys)[1], dtype="int32")
        seen = ops.expand_dims(steps < ops.expand_dims(visible, -1), 1)
        own_scores = None if own is None else self._own_scores(queries, own)
        if self.kind == "silu":
            weights, own_weights = self._silu(scores, seen, own_scores)
        else:
            weights, own_weights = self._softmax(scores, seen, own_scores)
        dtype = values.dtype
        found = ops.matmul(ops.cast(weights, dtype), _by_head(values))
        if own is not None:
            found = found + ops.cast(own_weights, dtype) * _by_head(own[1])
        return ops.swapaxes(found, 1, 2)

    def _own_scores(
        self, queries: Tensor, own: tuple[Tensor, Tensor, Tensor | None]
    ) -> Tensor:
        """`(batch, heads, queries, 1)` scores of each query and its own key."""
        scores = ops.sum(
            ops.cast(queries, "float32") * ops.cast(own[0], "float32"), axis=-1
        )
        scores = scores * self.scale
        if own[2] is not None:
            scores = scores + ops.expand_dims(own[2], -1)
        return ops.expand_dims(ops.swapaxes(scores, 1, 2), -1)

    def _silu(
        self, scores: Tensor, seen: Tensor, own: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        # The mask comes after the SiLU, of which a bias of minus infinity makes NaN.
        weights = ops.where(seen, ops.silu(scores) / self.divisor, 0.0)
        return weights, None if own is None else ops.silu(own) / self.divisor

    def _softmax(
        self, scores: Tensor, seen: Tensor, own: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        scores = ops.where(seen, scores, NEVER)
        highest = ops.max(scores, axis=-1, keepdims=True, initial=NEVER)
        if own is not None:
            highest = ops.maximum(highest, own)
        highest = ops.stop_gradient(highest)
        raised = ops.where(seen, ops.exp(scores - highest), 0.0)
        total = ops.sum(raised, axis=-1, keepdims=True)
        if own is None:
            return raised / ops.where(total > 0, total, 1.0), None
        raised_own = ops.exp(own - highest)
        total = total + raised_own
        return raised / total, raised_own / total


def root_scale(width: int) -> float:
    """One over the root of a width."""
    return 1 / math.sqrt(width)


def _by_head(values: Tensor) -> Tensor:
    """`(batch, heads, time, dim)` of `(batch, time, heads, dim)`."""
    return ops.swapaxes(values, 1, 2)
