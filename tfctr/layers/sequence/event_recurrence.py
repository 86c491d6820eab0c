"""What recurrent layers over events have in common: weights, states and their order."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr import kernels, native
from tfctr.errors import InputError
from tfctr.layers.sequence.event_loop import recur
from tfctr.seeds import derived_seed, glorot
from tfctr.types import Shape, Tensor

__all__ = ["EventRecurrence", "last_state"]


class EventRecurrence(keras.layers.Layer):
    """A recurrent layer over events, with weights laid out as Keras lays out its own.

    A subclass says what gates and states it has, and writes `step`. Everything is
    computed in float32, and cast at the end: errors of half precision would add up from
    event to event.

    Attributes:
        num_gates: Number of blocks of `units` columns in kernel and bias.
        num_states: Number of states, the output first.
        open_gates: Which blocks of the bias start at 1, for gates that start open.
        time_gates: Which gates of time an LSTM has, as of `tfctr.native.lstm`.

    Args:
        units: Width of the state.
        return_sequences: Whether to return the state after each event, or the last.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    num_gates = 0
    num_states = 1
    open_gates: tuple[int, ...] = ()
    time_gates = "none"

    def __init__(
        self,
        units: int,
        *,
        return_sequences: bool = True,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        if units < 1:
            raise InputError("units", received=units, expected="a positive number")
        self.units = units
        self.return_sequences = return_sequences
        self.seed = seed

    def step(self, values: list[Tensor], states: Sequence[Tensor]) -> Sequence[Tensor]:
        """The new states, from what `states_of` was given at one time."""
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def make_kernels(self, width: int | None) -> None:
        """Makes the weights of all gates, for events of that width."""
        columns = self.num_gates * self.units
        self.kernel = self.make_weight("kernel", (width, columns))
        self.recurrent_kernel = self.make_weight(
            "recurrent_kernel",
            (self.units, columns),
            keras.initializers.Orthogonal(
                seed=derived_seed(self.seed, "recurrent_kernel")
            ),
        )
        self.bias = self.make_weight("bias", (columns,), self._initial_bias)

    def make_weight(self, name: str, shape: Shape, initializer: Any = None) -> Any:
        """A weight that stays float32 under mixed precision; Glorot by default."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer or glorot(self.seed, name),
            autocast=False,
        )

    def project(self, events: Tensor) -> Tensor:
        """`(batch, time, num_gates * units)`: what the gates get from the events."""
        return ops.matmul(ops.cast(events, "float32"), self.kernel) + self.bias

    def states_of(
        self,
        projected: Tensor,
        events_mask: Tensor | None,
        time_gates: Tensor | None = None,
    ) -> Tensor:
        """Runs `step` over the events, or the compiled kernel that does the same.

        Args:
            projected: `(batch, time, num_gates * units)`, as of `project`.
            events_mask: `(batch, time)` booleans.
            time_gates: `(batch, time, 2 * units)`, before their sigmoid.
        """
        if events_mask is None:
            events_mask = ops.ones(ops.shape(projected)[:2], "bool")
        if kernels.is_compiled(projected):
            states = self.compiled_states(projected, events_mask, time_gates)
            result = (
                states if self.return_sequences else last_state(states, events_mask)
            )
            return ops.cast(result, self.compute_dtype)
        inputs = [projected]
        if time_gates is not None:
            inputs.append(ops.sigmoid(time_gates))
        zeros = ops.zeros((ops.shape(projected)[0], self.units), "float32")
        outputs, last = recur(
            self.step,
            inputs,
            events_mask,
            [zeros] * self.num_states,
            keep_outputs=self.return_sequences,
        )
        result = outputs if self.return_sequences else last[0]
        return ops.cast(result, self.compute_dtype)

    def compiled_states(
        self, projected: Tensor, events_mask: Tensor, extra: Tensor | None
    ) -> Tensor:
        """`(batch, time, units)` of the kernel of `tfctr.native` for this cell."""
        mask, kernel = ops.cast(events_mask, "bool"), self.recurrent_kernel
        if self.num_gates == 3:
            return native.gru(projected, mask, kernel, extra)
        return native.lstm(projected, mask, kernel, extra, time=self.time_gates)

    def _initial_bias(self, _: Shape, dtype: Any = None) -> Tensor:
        starts = [float(gate in self.open_gates) for gate in range(self.num_gates)]
        return ops.repeat(ops.convert_to_tensor(starts, dtype), self.units)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Ends the mask here: states after padding are zeros."""

    def compute_output_shape(self, events_shape: Shape, *_: Any, **__: Any) -> Shape:
        if self.return_sequences:
            return (*events_shape[:2], self.units)
        return (events_shape[0], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "return_sequences": self.return_sequences,
            "seed": self.seed,
        }


def last_state(states: Tensor, events_mask: Tensor) -> Tensor:
    """`(batch, units)` after the last real event; zeros where there is none.

    Args:
        states: `(batch, time, units)`.
        events_mask: `(batch, time)` booleans.
    """
    places = ops.arange(1, ops.shape(events_mask)[1] + 1)
    real = ops.where(events_mask, places, 0)
    last = ops.equal(real, ops.max(real, axis=1, keepdims=True, initial=1))
    return ops.einsum("bt,btu->bu", ops.cast(last, states.dtype), states)
