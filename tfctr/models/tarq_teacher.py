"""The teacher of TARQ: exact target attention, in training only."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.layers import MLP
from tfctr.layers.sequence.event_attention import EventAttention
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["TARQTeacher"]


@serializable
class TARQTeacher(keras.layers.Layer):
    """Exact target attention with a head of its own.

    `H = X + MHA(X, X, X)`, `h = MHA(item, H, H)`, and `logits` of an MLP on
    `[h, MLP(item), h * MLP(item), user]`.

    Args:
        units: Number of logits.
        dim: Width of the interest.
        num_heads: Number of heads of both attentions.
        hidden_units: Widths of the head.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        items: `(batch, candidates, width)` floats.
        users: `(batch, width)` floats.
        events: `(batch, time, dim)` floats.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        Dict of `interests` `(batch, candidates, dim)` in the compute dtype, and float32
        `logits` `(batch, candidates, units)`.

    Source: TARQ, arXiv 2509.16931; the product and the user are ours, see
    docs/methods/tarq.md.
    """

    def __init__(
        self,
        units: int,
        *,
        dim: int = 32,
        num_heads: int = 4,
        hidden_units: Sequence[int] = (64,),
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.dim = dim
        self.num_heads = num_heads
        self.hidden_units = list(hidden_units)
        self.seed = seed
        policy = self.dtype_policy
        self.self_attention, self.attention = (
            EventAttention(
                dim, num_heads=num_heads, seed=seed + place, dtype=policy, name=name
            )
            for place, name in enumerate(("self_attention", "attention"))
        )
        self.projection = MLP([dim], seed=seed, dtype=policy, name="projection")
        self.mlp = MLP(
            [*self.hidden_units, units],
            final_activation="linear",
            seed=seed,
            dtype=policy,
            name="mlp",
        )

    def build(
        self, items_shape: Shape, users_shape: Shape, events_shape: Shape
    ) -> None:
        self.self_attention.build(events_shape, events_shape)
        self.attention.build(items_shape, events_shape)
        self.projection.build(items_shape)
        user_width: Any = users_shape[-1]
        self.mlp.build((*items_shape[:-1], 3 * self.dim + user_width))

    def call(
        self,
        items: Tensor,
        users: Tensor,
        events: Tensor,
        events_mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        history = events + self.self_attention(events, events, events_mask=events_mask)
        interests = self.attention(items, history, events_mask=events_mask)
        projected = self.projection(items)
        batch, count = ops.shape(items)[:2]
        spread = (batch, count, users.shape[-1])
        parts = [interests, projected, interests * projected]
        parts.append(ops.broadcast_to(ops.expand_dims(users, 1), spread))
        logits = self.mlp(ops.concatenate(parts, axis=-1))
        return {"interests": interests, "logits": ops.cast(logits, "float32")}

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Ends the mask here: the output has no time axis."""

    def compute_output_shape(
        self, items_shape: Shape, users_shape: Shape, events_shape: Shape
    ) -> dict[str, Shape]:
        outer = tuple(items_shape[:2])
        return {"interests": (*outer, self.dim), "logits": (*outer, self.units)}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "dim": self.dim,
            "num_heads": self.num_heads,
            "hidden_units": self.hidden_units,
            "seed": self.seed,
        }
