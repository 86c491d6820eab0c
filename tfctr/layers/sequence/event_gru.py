"""A gated recurrent unit over the events of a history."""

from collections.abc import Sequence

from keras import ops

from tfctr.layers.sequence.event_recurrence import EventRecurrence
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["EventGRU", "gru_gates"]


@serializable
class EventGRU(EventRecurrence):
    """GRU over events; padding leaves the state as it is, wherever it stands.

    `z, r = sigmoid(W x + U h + b)`, `g = tanh(W_g x + U_g (r * h) + b_g)`,
    `h' = z * h + (1 - z) * g`: `keras.layers.GRU(reset_after=False)`, with weights in
    the same order. The state after padding is returned as zeros, and so is the last
    state of a history without events.

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

    >>> tuple(EventGRU(3)(ops.ones((2, 5, 4))).shape)
    (2, 5, 3)

    Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder,
    EMNLP 2014.
    """

    num_gates = 3

    def build(self, events_shape: Shape) -> None:
        self.make_kernels(events_shape[-1])

    def call(self, events: Tensor, events_mask: Tensor | None = None) -> Tensor:
        return self.states_of(self.project(events), events_mask)

    def step(self, values: list[Tensor], states: Sequence[Tensor]) -> Sequence[Tensor]:
        """The new state of one event."""
        (projected,), (state,) = values, states
        keep, new = gru_gates(projected, state, self.recurrent_kernel)
        return [keep * state + (1 - keep) * new]


def gru_gates(
    projected: Tensor, state: Tensor, recurrent_kernel: Tensor
) -> tuple[Tensor, Tensor]:
    """What a GRU keeps of its state, and what would replace it.

    Args:
        projected: `(..., 3 * units)`: what the gates get from the event.
        state: `(..., units)`.
        recurrent_kernel: `(units, 3 * units)`.
    """
    split = 2 * state.shape[-1]
    both = projected[..., :split] + _product(state, recurrent_kernel[:, :split])
    keep, reset = ops.split(ops.sigmoid(both), 2, axis=-1)
    new = projected[..., split:] + _product(reset * state, recurrent_kernel[:, split:])
    return keep, ops.tanh(new)


def _product(state: Tensor, kernel: Tensor) -> Tensor:
    """`state @ kernel` as one product of matrices, whatever the number of axes."""
    if len(state.shape) == 2:
        return ops.matmul(state, kernel)
    flat = ops.matmul(ops.reshape(state, (-1, state.shape[-1])), kernel)
    return ops.reshape(flat, (*ops.shape(state)[:-1], kernel.shape[-1]))
