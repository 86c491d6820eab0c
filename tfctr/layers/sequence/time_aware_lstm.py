"""An LSTM that knows when events happened (the T-LSTM of TLSI)."""

from typing import Any

import keras
from keras import ops

from tfctr import kernels, native
from tfctr.errors import InputError
from tfctr.layers.sequence.recurrence import RealSteps, affine, gated_recurrence
from tfctr.saving import serializable
from tfctr.seeds import derived_seed, glorot
from tfctr.types import Shape, Tensor

__all__ = ["TimeAwareLSTM"]


@serializable
class TimeAwareLSTM(keras.layers.Layer):
    """Reads a history with gates for the pace of its events and for their age.

    With the interval features `e_k` of event `k` and the one before, and the recency
    features `a_k` of event and request::

        delta_k = tanh(W_d e_k + b_d)             s_k = tanh(W_s a_k + b_s)
        T_d = sigmoid(W_xd x_k + W_td delta_k + b_td)
        T_s = sigmoid(W_xs x_k + W_ts s_k + b_ts)
        c_k = f * T_d * c_(k-1) + i * T_s * tanh(W_c x_k + U_c h_(k-1) + b_c)
        o_k = sigmoid(W_o x_k + U_o h_(k-1) + W_do delta_k + W_so s_k + b_o)
        h_k = o_k * tanh(c_k)

    with `f` and `i` as in any LSTM. Padding, wherever it lies, does not change the
    states. All but `U h` is computed for all events at once, before the loop.

    Args:
        units: Width of the states.
        forget_bias: Constant that is added to the forget gate before its sigmoid.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        events: `(batch, time, dim)` floats.
        intervals: `(batch, time, features)` floats, as of `IntervalEncoding`.
        recency: `(batch, time, features)` floats, likewise.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, time, units)` states in the compute dtype; zeros at padding.

    >>> lstm = TimeAwareLSTM(3)
    >>> times = ops.zeros((2, 5, 8))
    >>> tuple(lstm(ops.ones((2, 5, 4)), times, times).shape)
    (2, 5, 3)

    Source: TLSI (arXiv 2511.06213), equations (9) to (15).
    """

    def __init__(
        self, units: int, *, forget_bias: float = 0.0, seed: int = 0, **kwargs: Any
    ) -> None:
        # Half precision is too coarse for features of time, and for the states.
        super().__init__(autocast=False, **kwargs)
        if units < 1:
            raise InputError("units", received=units, expected="a positive number")
        self.units = units
        self.forget_bias = forget_bias
        self.seed = seed

    def build(
        self, events_shape: Shape, intervals_shape: Shape, recency_shape: Shape
    ) -> None:
        units = self.units
        # Columns: gates i, f, o and what is added; gates of recency and interval.
        self.kernel = self._weight("kernel", (events_shape[-1], 4 * units))
        self.bias = self._bias("bias", 4 * units)
        self.time_kernel = self._weight("time_kernel", (events_shape[-1], 2 * units))
        self.time_bias = self._bias("time_bias", 2 * units)
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(units, 4 * units),
            initializer=keras.initializers.Orthogonal(
                seed=derived_seed(self.seed, "recurrent_kernel")
            ),
            autocast=False,
        )
        for name, shape in (("recency", recency_shape), ("interval", intervals_shape)):
            weights = {
                f"{name}_kernel": self._weight(f"{name}_kernel", (shape[-1], units)),
                f"{name}_bias": self._bias(f"{name}_bias", units),
                # To the gate of that name, and to the output gate.
                f"{name}_gate": self._weight(f"{name}_gate", (units, units)),
                f"{name}_output": self._weight(f"{name}_output", (units, units)),
            }
            for attribute, weight in weights.items():
                setattr(self, attribute, weight)

    def call(
        self,
        events: Tensor,
        intervals: Tensor,
        recency: Tensor,
        events_mask: Tensor | None = None,
    ) -> Tensor:
        mask = None if events_mask is None else ops.cast(events_mask, "bool")
        if events.shape[1] == 0:
            return ops.zeros((*ops.shape(events)[:2], self.units), self.compute_dtype)
        times = ops.cast(ops.concatenate([recency, intervals], axis=-1), "float32")
        if kernels.is_compiled(events) and self.compute_dtype == "float32":
            if mask is None:
                mask = ops.ones(ops.shape(events)[:2], "bool")
            return native.time_aware_lstm(events, times, mask, self._compiled_weights())
        steps = RealSteps(mask)
        projected, shift, gates = self._before_the_loop(
            steps.by_step(events), steps.by_step(times)
        )
        states = gated_recurrence(
            projected, shift, ops.sigmoid(gates), self.recurrent_kernel
        )
        return ops.cast(steps.by_event(states), self.compute_dtype)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Hands no mask on: states at padding are zeros."""

    def compute_output_shape(
        self, events_shape: Shape, intervals_shape: Shape, recency_shape: Shape
    ) -> Shape:
        return (*events_shape[:2], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "forget_bias": self.forget_bias,
            "seed": self.seed,
        }

    def _before_the_loop(
        self, events: Tensor, times: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What the gates, `o` once more, and the time gates get without the states."""
        hidden = ops.tanh(affine(times, *self._of_times()))
        gates = self._affine(events, self.time_kernel, self.time_bias)
        to_gates = _diagonal(self.recency_gate, self.interval_gate)
        to_output = ops.concatenate([self.recency_output, self.interval_output])
        return (
            self._affine(events, self.kernel, self._bias_of_gates()),
            self._affine(hidden, to_output),
            gates + self._affine(hidden, to_gates),
        )

    def _compiled_weights(self) -> list[Tensor]:
        """The weights in the order of `tfctr.native.time_aware_lstm`."""

        def ordered(gates: Tensor, of_time: Tensor) -> Tensor:
            i, f, o, g = ops.split(gates, 4, axis=-1)
            added, kept = ops.split(of_time, 2, axis=-1)
            return ops.concatenate([i, f, g, kept, o, added], axis=-1)

        i, f, o, g = ops.split(self.recurrent_kernel, 4, axis=-1)
        ages = [self.recency_output, self.recency_gate]
        intervals = [self.interval_gate, self.interval_output]
        return [
            ordered(self.kernel, self.time_kernel),
            ordered(self._bias_of_gates(), self.time_bias),
            ops.concatenate([i, f, g, o], axis=-1),
            ops.concatenate(ages, axis=-1),
            ops.concatenate(intervals, axis=-1),
            *self._of_times(),
        ]

    def _of_times(self) -> tuple[Tensor, Tensor]:
        """Kernel and bias of both kinds of time side by side."""
        kernel = _diagonal(self.recency_kernel, self.interval_kernel)
        return kernel, ops.concatenate([self.recency_bias, self.interval_bias])

    def _bias_of_gates(self) -> Tensor:
        zeros, ones = ops.zeros((self.units,)), ops.ones((self.units,))
        more = ops.concatenate([zeros, self.forget_bias * ones, zeros, zeros])
        return self.bias + more

    def _affine(
        self, values: Tensor, kernel: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        """A product in the compute dtype, as float32: what follows are sums."""
        dtype = self.compute_dtype
        if dtype == "float32":
            return affine(values, kernel, bias)
        product = affine(ops.cast(values, dtype), ops.cast(kernel, dtype))
        product = ops.cast(product, "float32")
        return product if bias is None else product + bias

    def _weight(self, name: str, shape: Shape) -> Any:
        return self.add_weight(
            name=name, shape=shape, initializer=glorot(self.seed, name), autocast=False
        )

    def _bias(self, name: str, width: int) -> Any:
        return self.add_weight(
            name=name, shape=(width,), initializer="zeros", autocast=False
        )


def _diagonal(first: Tensor, second: Tensor) -> Tensor:
    """`[[first, 0], [0, second]]`."""
    above = ops.pad(first, [(0, 0), (0, second.shape[1])])
    below = ops.pad(second, [(0, 0), (first.shape[1], 0)])
    return ops.concatenate([above, below])
