"""An LSTM whose memory depends on the time until the next event (Time-LSTM)."""

from collections.abc import Sequence

from keras import ops

from tfctr.layers.sequence.event_lstm import lstm_gates
from tfctr.layers.sequence.event_recurrence import EventRecurrence
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["TimeGatedLSTM"]


@serializable
class TimeGatedLSTM(EventRecurrence):
    """LSTM with two time gates: for what is shown now, and for what is remembered.

    With the gates of `EventLSTM` and the interval `d` after the event,
    `T1 = sigmoid(W_1 x + sigmoid(-|v_1| d) + b_1)`,
    `T2 = sigmoid(W_2 x + sigmoid(v_2 d) + b_2)`, `c~ = f * c + i * T1 * g`,
    `c' = f * c + i * T2 * g`, `o` gets `v_o d` too, and `h' = o * tanh(c~)`. The longer
    the interval, the less of the event is in `h'`. With both gates open and `v_o = 0`
    it is `EventLSTM`. Time gates do not need the state, so they are computed for all
    events at once.

    Args:
        units: Width of the state.
        return_sequences: Whether to return the state after each event, or the last.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        events: `(batch, time, dim)` floats.
        intervals: `(batch, time)` floats >= 0, to the next event or to the request, on
            the scale of `tfctr.layers.sequence.intervals`.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, time, units)`, or `(batch, units)` of the last event, in the compute
        dtype.

    >>> layer = TimeGatedLSTM(3)
    >>> tuple(layer(ops.ones((2, 5, 4)), ops.ones((2, 5))).shape)
    (2, 5, 3)

    Source: Zhu et al., What to Do Next: Modeling User Behaviors by Time-LSTM, IJCAI
    2017, Time-LSTM 2. Deviation: no peephole connections.
    """

    num_gates = 4
    num_states = 2
    open_gates = (1,)  # the forget gate, as in Keras
    time_gates = "now, later"

    def build(self, events_shape: Shape, intervals_shape: Shape) -> None:
        dim, units = events_shape[-1], self.units
        self.make_kernels(dim)
        self.gate_kernel = self.make_weight("gate_kernel", (dim, 2 * units))
        self.gate_bias = self.make_weight("gate_bias", (2 * units,), "zeros")
        self.gate_interval = self.make_weight("gate_interval", (1, 2 * units))
        self.output_interval = self.make_weight("output_interval", (1, units))

    def call(
        self,
        events: Tensor,
        intervals: Tensor,
        events_mask: Tensor | None = None,
    ) -> Tensor:
        intervals = ops.expand_dims(ops.cast(intervals, "float32"), -1)
        kernel = ops.concatenate([self.kernel, self.gate_kernel], axis=-1)
        bias = ops.concatenate([self.bias, self.gate_bias])
        projected = ops.matmul(ops.cast(events, "float32"), kernel) + bias
        split = 3 * self.units
        to_show = projected[..., split : split + self.units]
        to_show = to_show + intervals * self.output_interval
        # The first gate may only close as time passes.
        first, second = ops.split(self.gate_interval, 2, axis=-1)
        passed = intervals * ops.concatenate([-ops.abs(first), second], axis=-1)
        time_gates = projected[..., split + self.units :] + ops.sigmoid(passed)
        gates = ops.concatenate([projected[..., :split], to_show], axis=-1)
        return self.states_of(gates, events_mask, time_gates)

    def step(self, values: list[Tensor], states: Sequence[Tensor]) -> Sequence[Tensor]:
        """The new states of one event."""
        (projected, time_gates), (state, cell) = values, states
        admit, keep, new, show = lstm_gates(projected, state, self.recurrent_kernel)
        now, later = ops.split(time_gates, 2, axis=-1)
        kept, new = keep * cell, admit * new
        return [show * ops.tanh(kept + now * new), kept + later * new]
