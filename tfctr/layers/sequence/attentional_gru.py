"""A recurrent unit that moves by how much an event matters to a candidate (DIEN)."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from tfctr import kernels
from tfctr.layers.sequence.event_gru import gru_gates
from tfctr.layers.sequence.event_loop import recur
from tfctr.layers.sequence.event_recurrence import EventRecurrence, last_state
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["AttentionalGRU"]


@serializable
class AttentionalGRU(EventRecurrence):
    """GRU with attentional update gate (AUGRU): an event moves the state by its weight.

    With `z` and `g` of `EventGRU`, and the weight `a` of the event for a candidate,
    `u = a * (1 - z)` and `h' = (1 - u) * h + u * g`. Weights of 1 make it `EventGRU`,
    an event of weight 0 leaves the state alone. What the gates get from the events is
    computed once for all candidates.

    Args:
        units: Width of the state.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        events: `(batch, time, dim)` floats.
        attention: `(batch, time, candidates)` weights, 0 to 1.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, candidates, units)`: the last state for each candidate, in the compute
        dtype; zeros where there are no events.

    >>> layer = AttentionalGRU(3)
    >>> tuple(layer(ops.ones((2, 5, 4)), ops.ones((2, 5, 7))).shape)
    (2, 7, 3)

    Source: Zhou et al., Deep Interest Evolution Network, AAAI 2019, equations (15)
    and (16).
    """

    num_gates = 3

    def __init__(self, units: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(units, return_sequences=False, seed=seed, **kwargs)

    def build(self, events_shape: Shape, attention_shape: Shape) -> None:
        self.make_kernels(events_shape[-1])

    def call(
        self, events: Tensor, attention: Tensor, events_mask: Tensor | None = None
    ) -> Tensor:
        batch, time, count = ops.shape(attention)
        if events_mask is None:
            events_mask = ops.ones((batch, time), "bool")
        projected, weights = self.project(events), ops.cast(attention, "float32")
        if count == 1 and kernels.is_compiled(projected):
            states = self.compiled_states(projected, events_mask, weights)
            last = ops.expand_dims(last_state(states, events_mask), 1)
            return ops.cast(last, self.compute_dtype)
        _, (last,) = recur(
            self.step,
            [projected, weights],
            events_mask,
            [ops.zeros((batch, count, self.units), "float32")],
            keep_outputs=False,
        )
        return ops.cast(last, self.compute_dtype)

    def step(self, values: list[Tensor], states: Sequence[Tensor]) -> Sequence[Tensor]:
        """The new states `(batch, candidates, units)` of one event."""
        (projected, weight), (state,) = values, states
        projected = ops.expand_dims(projected, 1)
        keep, new = gru_gates(projected, state, self.recurrent_kernel)
        update = ops.expand_dims(weight, -1) * (1 - keep)
        return [state + update * (new - state)]

    def compute_output_shape(
        self, events_shape: Shape, attention_shape: Shape
    ) -> Shape:
        return (attention_shape[0], attention_shape[2], self.units)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["return_sequences"]
        return config
