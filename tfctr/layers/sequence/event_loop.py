"""The loop that all recurrent layers share, over the events of padded histories."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfctr.types import Tensor

__all__ = ["recur"]

Step = Callable[[list[Tensor], Sequence[Tensor]], Sequence[Tensor]]


def recur(
    step: Step,
    inputs: Sequence[Tensor],
    mask: Tensor,
    states: Sequence[Tensor],
    *,
    keep_outputs: bool = True,
) -> tuple[Tensor | None, Sequence[Tensor]]:
    """Carries states from event to event, past what is padding.

    Ends with the last real event of the batch. Where the mask is false, the states
    stay as they are and the output is zero.

    Args:
        step: From what `inputs` hold at one time, `(batch, ...)` each, and the states
            to the new states.
        inputs: `(batch, time, ...)` each; whatever does not need the states should be
            computed before, for all times at once.
        mask: `(batch, time)` booleans, `True` where an event is real.
        states: First states, `(batch, ...)` each; the first of them is the output.
        keep_outputs: Whether the output of each time is wanted.

    Returns:
        The first state at each time, `(batch, time, ...)`, or `None`; last states.
    """
    mask = tf.convert_to_tensor(mask)
    inputs = [tf.convert_to_tensor(value) for value in inputs]
    static, time = mask.shape[1], tf.shape(mask)[1]
    if static == 0:
        first = states[0]
        shape = tf.concat([tf.shape(first)[:1], [0], tf.shape(first)[1:]], axis=0)
        empty = tf.ensure_shape(tf.zeros(shape), (first.shape[0], 0, *first.shape[1:]))
        return empty if keep_outputs else None, states
    if static is None:
        # A list that may be empty could not say of what shape its elements are.
        mask, *inputs = (_at_least_one(value) for value in (mask, *inputs))
    outputs, states = _loop(step, inputs, mask, states, keep_outputs)
    if outputs is None:
        return None, states
    outputs = _swap(outputs)
    return (outputs[:, :time] if static is None else outputs), states


def _loop(
    step: Step,
    inputs: Sequence[Tensor],
    mask: Tensor,
    states: Sequence[Tensor],
    keep_outputs: bool,
) -> tuple[Tensor | None, Sequence[Tensor]]:
    """At least one step; outputs `(time, batch, ...)`."""
    static = mask.shape[1]
    size = tf.shape(mask)[1] if static is None else static
    arrays = [_array(value, size) for value in (mask, *inputs)]
    outputs = tf.TensorArray(
        states[0].dtype, size if keep_outputs else 0, element_shape=states[0].shape
    )
    places = tf.range(1, size + 1) * tf.cast(mask, tf.int32)
    end = tf.maximum(tf.reduce_max(places), 1)

    def body(time: Tensor, outputs: Any, *states: Tensor) -> tuple[Any, ...]:
        real, *values = (array.read(time) for array in arrays)
        new = step(values, states)
        kept = [_where(real, n, old) for n, old in zip(new, states, strict=True)]
        if keep_outputs:
            # Not `kept[0]`: states of padding have no meaning.
            output = _where(real, kept[0], tf.zeros_like(kept[0]))
            outputs = outputs.write(time, output)
        return time + 1, outputs, *kept

    _, outputs, *last = tf.while_loop(
        lambda time, *_: time < end,
        body,
        (tf.constant(0), outputs, *states),
        # XLA needs to know how much a gradient may have to keep.
        maximum_iterations=static,
    )
    return outputs.stack() if keep_outputs else None, last


def _array(values: Tensor, size: Any) -> tf.TensorArray:
    """`(batch, time, ...)` as a list over time."""
    shape = (values.shape[0], *values.shape[2:])
    array = tf.TensorArray(values.dtype, size, element_shape=shape)
    return array.unstack(_swap(values))


def _swap(values: Tensor) -> Tensor:
    """The first two axes the other way round."""
    return tf.transpose(values, (1, 0, *range(2, values.shape.rank)))


def _at_least_one(values: Tensor) -> Tensor:
    """`(batch, time, ...)` with a step of zeros where there is none."""
    lacking = tf.cast(tf.equal(tf.shape(values)[1], 0), tf.int32)
    return tf.pad(values, [(0, 0), (0, lacking), *[(0, 0)] * (values.shape.rank - 2)])


def _where(real: Tensor, values: Tensor, others: Tensor) -> Tensor:
    for _ in range(values.shape.rank - 1):
        real = real[..., None]
    return tf.where(real, values, others)
