"""The compiled recurrent kernels as TensorFlow operations, with their gradients."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfctr.native.operations import _operations
from tfctr.types import Tensor

__all__ = ["gru", "lstm", "time_aware_lstm"]


def lstm(
    projected: Tensor,
    mask: Tensor,
    kernel: Tensor,
    time_gates: Tensor | None = None,
    *,
    time: str = "none",
    show: int = 3,
    shift: Tensor | None = None,
) -> Tensor:
    """States of an LSTM over the real events of padded histories; zeros at padding.

    `c' = kept f c + added i g` and `h = o tanh(c')`; or, with the gates `now` and
    `later`, `c' = f c + later i g` and `h = o tanh(f c + now i g)`.

    Args:
        projected: `(batch, time, 4 * units)` float32, what the gates get from the
            events: input, forget, and of output and new the one that `show` leaves.
        mask: `(batch, time)` booleans, `True` where an event is real.
        kernel: `(units, 4 * units)` float32, from the states to the gates.
        time_gates: `(batch, time, 2 * units)` float32, before their sigmoid.
        time: Which these are: `"added, kept"`, `"kept, added"`, `"now, later"`, or
            `"none"`.
        show: Place of the output gate, 2 or 3.
        shift: `(batch, time, units)` float32, what the output gate gets as well.

    Returns:
        `(batch, time, units)`.
    """
    states, _ = _operations().tfctr_lstm(
        projected=projected,
        mask=mask,
        kernel=kernel,
        extra=tf.zeros((0,)) if time_gates is None else time_gates,
        shift=tf.zeros((0,)) if shift is None else shift,
        time=time,
        show=show,
    )
    return states


@tf.RegisterGradient("TfctrLSTM")
def _lstm_gradient(operation: Any, upstream: Tensor, _: Tensor) -> list[Any]:
    on_projected, on_kernel, *others = _operations().tfctr_lstm_gradient(
        *operation.inputs,
        *operation.outputs,
        upstream,
        time=operation.get_attr("time"),
        show=operation.get_attr("show"),
    )
    return [on_projected, None, on_kernel, *others]


def gru(
    projected: Tensor, mask: Tensor, kernel: Tensor, weights: Tensor | None = None
) -> Tensor:
    """States of a GRU over the real events of padded histories; zeros at padding.

    `h += a (1 - z) (g - h)`, with `a = 1` where there are no weights.

    Args:
        projected: `(batch, time, 3 * units)` float32, what the gates get from the
            events: kept, reset, new.
        mask: `(batch, time)` booleans, `True` where an event is real.
        kernel: `(units, 3 * units)` float32, from the states to the gates.
        weights: `(batch, time, 1)` float32, how much an event moves the state.

    Returns:
        `(batch, time, units)`.
    """
    states, _ = _operations().tfctr_gru(
        projected=projected,
        mask=mask,
        kernel=kernel,
        extra=tf.zeros((0,)) if weights is None else weights,
        shift=tf.zeros((0,)),
        weighted=weights is not None,
    )
    return states


@tf.RegisterGradient("TfctrGRU")
def _gru_gradient(operation: Any, upstream: Tensor, _: Tensor) -> list[Any]:
    on_projected, on_kernel, *others = _operations().tfctr_gru_gradient(
        *operation.inputs,
        *operation.outputs,
        upstream,
        weighted=operation.get_attr("weighted"),
    )
    return [on_projected, None, on_kernel, *others]


def time_aware_lstm(
    events: Tensor, times: Tensor, mask: Tensor, weights: Sequence[Tensor]
) -> Tensor:
    """States of `TimeAwareLSTM`, with all that its gates get, in one pass.

    Args:
        events: `(batch, time, dim)` float32.
        times: `(batch, time, features)` float32, of ages and intervals side by side.
        mask: `(batch, time)` booleans, `True` where an event is real.
        weights: Float32: from events to the gates `i, f, g, kept, o, added`,
            `(dim, 6 * units)`, and their bias; from states to `i, f, g, o`,
            `(units, 4 * units)`; from ages to `o, added` and from intervals to `kept,
            o`, `(units, 2 * units)` each; from times to ages and intervals before
            their tanh, `(features, 2 * units)`, and their bias.

    Returns:
        `(batch, time, units)`, zeros at padding.
    """
    return _operations().tfctr_time_aware_lstm(events, times, mask, *weights)[0]


@tf.RegisterGradient("TfctrTimeAwareLSTM")
def _time_aware_lstm_gradient(operation: Any, upstream: Tensor, _: Tensor) -> list[Any]:
    found = _operations().tfctr_time_aware_lstm_gradient(
        *operation.inputs, *operation.outputs, upstream
    )
    return [*found[:2], None, *found[2:]]
