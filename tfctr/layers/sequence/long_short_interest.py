"""What a user wants now: long-term, short-term and mixed interest in candidates."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfctr.features.calendar import is_known_time
from tfctr.layers.sequence.calendar_encoding import CalendarEncoding
from tfctr.layers.sequence.event_times import (
    last_time,
    previous_times,
    recent_events,
)
from tfctr.layers.sequence.interest_gate import InterestGate
from tfctr.layers.sequence.interest_settings import InterestSettings
from tfctr.layers.sequence.interval_encoding import IntervalEncoding
from tfctr.layers.sequence.softmax_attention import SoftmaxAttention
from tfctr.layers.sequence.time_aware_attention import TimeAwareAttention
from tfctr.layers.sequence.time_aware_lstm import TimeAwareLSTM
from tfctr.layers.sequence.time_scales import whole_seconds
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["LongShortInterest"]


@serializable
class LongShortInterest(keras.layers.Layer):
    """The interest part of TLSI, from events with Unix times to one vector a candidate.

    Long-term interest is a `TimeAwareAttention`; short-term interest an attention of
    the candidate to the states of a `TimeAwareLSTM`; an `InterestGate` that sees the
    candidate and the distance between last event and request mixes both. Events at or
    after the request cannot have been known and are left out. A row without events
    gives zeros.

    `encode` computes all that does not depend on the candidate, `interests` the rest.

    Args:
        settings: `InterestSettings`, or their values by field.
        time_zone: IANA name of the zone of calendar and clock.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        candidates: `(batch, candidates, dim)` floats.
        events: `(batch, time, dim)` floats.
        event_times: `(batch, time)` int64 seconds since 1970-01-01 UTC.
        request_time: `(batch,)` int64 seconds. Where it is missing (-1) or after 2199,
            no event is left out, and all distances are those to a missing time.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, candidates, width)` in the compute dtype: long-term interest (both
        attentions side by side with `join="concat"`), short-term and mixed interest,
        as far as the variant has them.

    Source: TLSI (arXiv 2511.06213), section III.
    """

    def __init__(
        self,
        settings: InterestSettings | Mapping[str, Any] | None = None,
        *,
        time_zone: str = "UTC",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        if not isinstance(settings, InterestSettings):
            settings = InterestSettings(**(settings or {}))
        self.settings = settings
        self.time_zone = time_zone
        self.seed = seed
        common: dict[str, Any] = {
            name: getattr(settings, name)
            for name in ("units", "scale", "floor_seconds", "time_points")
        } | {"time_zone": time_zone}
        self.moments = CalendarEncoding(
            form=settings.time_encoding, name="moments", **common
        )
        self.intervals = IntervalEncoding(
            distance=settings.distance, name="intervals", **common
        )
        self.long: Any = None
        self.short: Any = None
        self.gate: Any = None
        self._make_parts(settings)

    def build(
        self,
        candidates_shape: Shape,
        events_shape: Shape,
        event_times_shape: Shape,
        request_time_shape: Shape,
    ) -> None:
        dim, times = events_shape[-1] or 0, tuple(event_times_shape)
        if self.long is not None:
            moments = (*times, self.moments.width)
            request = (*request_time_shape, self.moments.width)
            self.long.build(candidates_shape, events_shape, request, moments)
        if self.short is not None:
            self.lstm = TimeAwareLSTM(
                dim,
                forget_bias=self.settings.forget_bias,
                seed=self.seed,
                dtype=self.dtype_policy,
                name="lstm",
            )
            intervals = (*times, self.intervals.width)
            self.lstm.build(events_shape, intervals, intervals)
            self.short.build(candidates_shape, events_shape, events_shape)
        if self.gate is not None:
            context = (*candidates_shape[:-1], dim + self.intervals.width)
            self.gate.build(candidates_shape, candidates_shape, context)

    def call(
        self,
        candidates: Tensor,
        events: Tensor,
        event_times: Tensor,
        request_time: Tensor,
        events_mask: Tensor | None = None,
    ) -> Tensor:
        state = self.encode(events, event_times, request_time, events_mask)
        return self.interests(candidates, state)

    def encode(
        self,
        events: Tensor,
        event_times: Tensor,
        request_time: Tensor,
        events_mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """What does not depend on the candidate, by name, batch axis first.

        Args:
            events: As for a call.
            event_times: As for a call.
            request_time: As for a call.
            events_mask: As for a call.
        """
        if not self.built:
            one = (events.shape[0], 1, events.shape[-1])
            self.build(one, events.shape, event_times.shape, request_time.shape)
        events = ops.cast(events, self.compute_dtype)
        times, request = whole_seconds(event_times), whole_seconds(request_time)
        request = ops.expand_dims(request, 1)
        known = ops.logical_and(is_known_time(times), is_known_time(request))
        mask = ops.logical_not(ops.logical_and(known, times >= request))
        if events_mask is not None:
            mask = ops.logical_and(mask, events_mask)
        state = {"mask": mask}
        if "content" in self.settings.long_parts:
            state["events"] = events
        if "time" in self.settings.long_parts:
            start = self.settings.start_seconds
            since = request if start is None else ops.full_like(request, start)
            moments = self.moments(times, since)
            moment = self.moments(request, since)
            state["by_time"] = self.long.by_time(moment[:, 0], moments, events, mask)
        if self.short is not None:
            state |= self._short_term(events, times, request, mask)
        return state

    def interests(self, candidates: Tensor, state: Mapping[str, Tensor]) -> Tensor:
        """Interest in candidates, of what `encode` gave.

        Args:
            candidates: As for a call.
            state: What `encode` gave.
        """
        candidates = ops.cast(candidates, self.compute_dtype)
        parts: dict[str, Tensor] = {}
        if "events" in state:
            parts["content"] = self.long.by_content(
                candidates, state["events"], state["mask"]
            )
        if "by_time" in state:
            count = ops.shape(candidates)[1]
            by_time = ops.expand_dims(state["by_time"], 1)
            parts["time"] = ops.repeat(by_time, count, axis=1)
        if "states" in state:
            parts["short"] = self.short(
                candidates,
                state["states"],
                state["states"],
                keys_mask=state["short_mask"],
            )
        if self.gate is not None:
            long, context = self._gate_inputs(candidates, parts, state)
            parts["fused"] = self.gate(long, parts["short"], context)
        found = [parts[name] for name in self.settings.interests]
        if self._is_sum:
            found[:2] = [found[0] + found[1]]
        return found[0] if len(found) == 1 else ops.concatenate(found, axis=-1)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Ends the mask here: the output has no time axis."""

    def compute_output_shape(
        self,
        candidates_shape: Shape,
        events_shape: Shape,
        event_times_shape: Shape,
        request_time_shape: Shape,
    ) -> Shape:
        count = len(self.settings.interests) - self._is_sum
        width = (events_shape[-1] or 0) * count
        return (*candidates_shape[:2], width)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "settings": self.settings.to_dict(),
            "time_zone": self.time_zone,
            "seed": self.seed,
        }

    @property
    def _is_sum(self) -> bool:
        """Whether both attentions reach the head as one vector."""
        both = self.settings.interests[:2] == ("content", "time")
        return both and self.settings.join == "sum"

    def _make_parts(self, settings: InterestSettings) -> None:
        policy = self.dtype_policy
        attention: dict[str, Any] = {
            "score": settings.score,
            "hidden_units": settings.attention_units,
            "activation": settings.activation,
            "dtype": policy,
        }
        if settings.long_parts:
            self.long = TimeAwareAttention(
                parts=settings.long_parts, seed=self.seed, name="long", **attention
            )
        if settings.has_short:
            self.short = SoftmaxAttention(seed=self.seed + 2, name="short", **attention)
        if settings.has_gate:
            self.gate = InterestGate(
                hidden_units=settings.gate_units,
                seed=self.seed,
                dtype=policy,
                name="gate",
            )

    def _short_term(
        self, events: Tensor, times: Tensor, request: Tensor, mask: Tensor
    ) -> dict[str, Tensor]:
        length = self.settings.short_length
        recent = mask if length is None else recent_events(mask, length)
        state = {
            "states": self.lstm(
                events,
                self.intervals(previous_times(times, recent), times),
                self.intervals(times, request),
                events_mask=recent,
            ),
            "short_mask": recent,
        }
        if self.gate is not None:
            last = ops.expand_dims(last_time(times, mask), 1)
            state["since_last"] = self.intervals(last, request)[:, 0]
        return state

    def _gate_inputs(
        self,
        candidates: Tensor,
        parts: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
    ) -> tuple[Tensor, Tensor]:
        """The long-term interest, and what else the gate looks at."""
        since_last = ops.cast(ops.expand_dims(state["since_last"], 1), "float32")
        one = ops.cast(ops.zeros_like(candidates[..., :1]), "float32")
        context = [ops.cast(candidates, "float32"), since_last + one]
        return parts["content"] + parts["time"], ops.concatenate(context, axis=-1)
