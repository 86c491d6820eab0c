"""Long-term interest: events that are alike, and events at a like time."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.sequence.softmax_attention import SoftmaxAttention
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["TimeAwareAttention"]

PARTS = ("content", "time")


@serializable
class TimeAwareAttention(keras.layers.Layer):
    """Pools events by their likeness to a candidate, and by the time of the request.

    `"content"` compares events with the candidate, `"time"` their moments with that of
    the request, each with a softmax over the real events. The second does not depend
    on the candidate: `by_time` computes it once a request.

    Args:
        parts: Which of `"content"` and `"time"` to have.
        score: `"bilinear"` or `"mlp"`, see `SoftmaxAttention`.
        hidden_units: Widths of the scoring MLPs.
        activation: Activation of the scoring MLPs.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        candidates: `(batch, candidates, dim)` floats.
        events: `(batch, time, dim)` floats.
        request_moment: `(batch, features)` floats, as of `CalendarEncoding`.
        event_moments: `(batch, time, features)` floats, likewise.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, candidates, dim)` a part, side by side, in the compute dtype. The sum
        of both is the paper's `p_long`, whose weights sum to two.

    >>> moments = ops.ones((2, 5, 8))
    >>> long = TimeAwareAttention()(
    ...     ops.ones((2, 4, 3)), ops.ones((2, 5, 3)), moments[:, 0], moments)
    >>> tuple(long.shape)
    (2, 4, 6)

    Source: TLSI (arXiv 2511.06213), equations (1) to (3).
    """

    def __init__(
        self,
        *,
        parts: Sequence[str] = PARTS,
        score: str = "mlp",
        hidden_units: Sequence[int] = (32, 16),
        activation: Any = "relu",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.parts = list(parts)
        if self.parts not in (["content"], ["time"], [*PARTS]):
            raise InputError("parts", received=self.parts, expected=f"some of {PARTS}")
        self.score = score
        self.hidden_units = list(hidden_units)
        self.activation = keras.activations.get(activation)
        self.seed = seed
        self.attentions = {
            name: SoftmaxAttention(
                score=score,
                hidden_units=self.hidden_units,
                activation=self.activation,
                seed=seed + place,
                dtype=self.dtype_policy,
                name=name,
            )
            for place, name in enumerate(PARTS)
            if name in self.parts
        }

    def build(
        self,
        candidates_shape: Shape,
        events_shape: Shape,
        request_moment_shape: Shape,
        event_moments_shape: Shape,
    ) -> None:
        if "content" in self.parts:
            content = self.attentions["content"]
            content.build(candidates_shape, events_shape, events_shape)
        if "time" in self.parts:
            moment = (*request_moment_shape[:1], 1, *request_moment_shape[1:])
            self.attentions["time"].build(moment, event_moments_shape, events_shape)

    def call(
        self,
        candidates: Tensor,
        events: Tensor,
        request_moment: Tensor,
        event_moments: Tensor,
        events_mask: Tensor | None = None,
    ) -> Tensor:
        found = []
        if "content" in self.parts:
            found.append(self.by_content(candidates, events, events_mask))
        if "time" in self.parts:
            pooled = self.by_time(request_moment, event_moments, events, events_mask)
            count = ops.shape(candidates)[1]
            found.append(ops.repeat(ops.expand_dims(pooled, 1), count, axis=1))
        return found[0] if len(found) == 1 else ops.concatenate(found, axis=-1)

    def by_content(
        self, candidates: Tensor, events: Tensor, events_mask: Tensor | None = None
    ) -> Tensor:
        """`(batch, candidates, dim)`: events like the candidate."""
        attention = self.attentions["content"]
        return attention(candidates, events, events, keys_mask=events_mask)

    def by_time(
        self,
        request_moment: Tensor,
        event_moments: Tensor,
        events: Tensor,
        events_mask: Tensor | None = None,
    ) -> Tensor:
        """`(batch, dim)`: events at a time like that of the request."""
        moment = ops.expand_dims(request_moment, 1)
        attention = self.attentions["time"]
        found = attention(moment, event_moments, events, keys_mask=events_mask)
        return ops.squeeze(found, 1)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Ends the mask here: the output has no time axis."""

    def compute_output_shape(
        self,
        candidates_shape: Shape,
        events_shape: Shape,
        request_moment_shape: Shape,
        event_moments_shape: Shape,
    ) -> Shape:
        return (*candidates_shape[:2], len(self.parts) * (events_shape[-1] or 0))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "parts": self.parts,
            "score": self.score,
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
            "seed": self.seed,
        }
