"""An LSTM that forgets by interval and admits by age (SLi-Rec)."""

from collections.abc import Sequence

from keras import ops

from tfctr.layers.sequence.event_lstm import lstm_gates
from tfctr.layers.sequence.event_recurrence import EventRecurrence
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["TimeControlledLSTM"]


@serializable
class TimeControlledLSTM(EventRecurrence):
    """LSTM with a gate for the interval before an event and one for its age.

    With the gates of `EventLSTM`, the interval `d` and the age `a`:
    `D = tanh(w_d d + b_d)`, `S = tanh(w_s a + b_s)`,
    `T_d = sigmoid(W_d x + V_d D + c_d)`, `T_s = sigmoid(W_s x + V_s S + c_s)`,
    `c' = f * T_d * c + i * T_s * g`, `o` gets `O_d D + O_s S` too, `h' = o * tanh(c')`.
    With both gates open and `O_d = O_s = 0` it is `EventLSTM`. Time gates do not need
    the state, so they are computed for all events at once.

    Args:
        units: Width of the state.
        return_sequences: Whether to return the state after each event, or the last.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        events: `(batch, time, dim)` floats.
        intervals: `(batch, time)` floats >= 0, since the event before, on the scale of
            `tfctr.layers.sequence.intervals`.
        ages: `(batch, time)` floats >= 0, from each event to the request.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, time, units)`, or `(batch, units)` of the last event, in the compute
        dtype.

    >>> layer = TimeControlledLSTM(3)
    >>> tuple(layer(ops.ones((2, 5, 4)), ops.ones((2, 5)), ops.ones((2, 5))).shape)
    (2, 5, 3)

    Source: Yu et al., Adaptive User Modeling with Long and Short-Term Preferences for
    Personalized Recommendation, IJCAI 2019.
    """

    num_gates = 4
    num_states = 2
    open_gates = (1,)  # the forget gate, as in Keras
    time_gates = "kept, added"

    def build(
        self, events_shape: Shape, intervals_shape: Shape, ages_shape: Shape
    ) -> None:
        dim, units = events_shape[-1], self.units
        self.make_kernels(dim)
        self.gate_kernel = self.make_weight("gate_kernel", (dim, 2 * units))
        self.gate_bias = self.make_weight("gate_bias", (2 * units,), "zeros")
        for name in ("interval", "age"):
            for part, shape in (
                ("kernel", (1, units)),
                ("bias", (units,)),
                ("gate", (units, units)),
                ("output", (units, units)),
            ):
                initializer = "zeros" if part == "bias" else None
                weight = self.make_weight(f"{name}_{part}", shape, initializer)
                setattr(self, f"{name}_{part}", weight)

    def call(
        self,
        events: Tensor,
        intervals: Tensor,
        ages: Tensor,
        events_mask: Tensor | None = None,
    ) -> Tensor:
        interval = ops.expand_dims(ops.cast(intervals, "float32"), -1)
        age = ops.expand_dims(ops.cast(ages, "float32"), -1)
        interval = ops.tanh(interval * self.interval_kernel + self.interval_bias)
        age = ops.tanh(age * self.age_kernel + self.age_bias)
        by_time = ops.concatenate(
            [
                ops.matmul(interval, self.interval_output)
                + ops.matmul(age, self.age_output),
                ops.matmul(interval, self.interval_gate),
                ops.matmul(age, self.age_gate),
            ],
            axis=-1,
        )
        kernel = ops.concatenate([self.kernel, self.gate_kernel], axis=-1)
        bias = ops.concatenate([self.bias, self.gate_bias])
        projected = ops.matmul(ops.cast(events, "float32"), kernel) + bias
        # The output gate is the last of the LSTM, the time gates follow it.
        split = 3 * self.units
        by_time = projected[..., split:] + by_time
        gates = [projected[..., :split], by_time[..., : self.units]]
        return self.states_of(
            ops.concatenate(gates, axis=-1), events_mask, by_time[..., self.units :]
        )

    def step(self, values: list[Tensor], states: Sequence[Tensor]) -> Sequence[Tensor]:
        """The new states of one event."""
        (projected, time_gates), (state, cell) = values, states
        admit, keep, new, show = lstm_gates(projected, state, self.recurrent_kernel)
        by_interval, by_age = ops.split(time_gates, 2, axis=-1)
        cell = keep * by_interval * cell + admit * by_age * new
        return [show * ops.tanh(cell), cell]
