"""A long short-term memory over the events of a history."""

from collections.abc import Sequence

from keras import ops

from tfctr.layers.sequence.event_recurrence import EventRecurrence
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["EventLSTM", "lstm_gates"]


@serializable
class EventLSTM(EventRecurrence):
    """LSTM over events; padding leaves the states as they are, wherever it stands.

    `i, f, o = sigmoid(W x + U h + b)`, `g = tanh(W_g x + U_g h + b_g)`,
    `c' = f * c + i * g`, `h' = o * tanh(c')`: `keras.layers.LSTM`, with weights in the
    same order and forget gates that start open. The state after padding is returned as
    zeros, and so is the last state of a history without events.

    Args:
        units: Width of the state.
        return_sequences: Whether to return the state after each event, or the last.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        events: `(batch, time, dim)` floats.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, time, units)`, or `(batch, units)` of the last event, in the compute
        dtype.

    >>> tuple(EventLSTM(3, return_sequences=False)(ops.ones((2, 5, 4))).shape)
    (2, 3)

    Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997.
    """

    num_gates = 4
    num_states = 2
    open_gates = (1,)  # the forget gate, as in Keras

    def build(self, events_shape: Shape) -> None:
        self.make_kernels(events_shape[-1])

    def call(self, events: Tensor, events_mask: Tensor | None = None) -> Tensor:
        return self.states_of(self.project(events), events_mask)

    def step(self, values: list[Tensor], states: Sequence[Tensor]) -> Sequence[Tensor]:
        """The new states of one event."""
        (projected,), (state, cell) = values, states
        admit, keep, new, show = lstm_gates(projected, state, self.recurrent_kernel)
        cell = keep * cell + admit * new
        return [show * ops.tanh(cell), cell]


def lstm_gates(
    projected: Tensor, state: Tensor, recurrent_kernel: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Input gate, forget gate, what would come in, and output gate of an LSTM.

    Args:
        projected: `(batch, 4 * units)`: what the gates get from the event.
        state: `(batch, units)`.
        recurrent_kernel: `(units, 4 * units)`.
    """
    gates = projected + ops.matmul(state, recurrent_kernel)
    admit, keep, new, show = ops.split(gates, 4, axis=-1)
    return ops.sigmoid(admit), ops.sigmoid(keep), ops.tanh(new), ops.sigmoid(show)
