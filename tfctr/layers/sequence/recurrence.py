"""The loop of a time-aware LSTM, with its gradient by hand."""

from typing import Any

import tensorflow as tf

from tfctr import kernels
from tfctr.types import Tensor

__all__ = ["RealSteps", "gated_recurrence"]


class RealSteps:
    """Real events of each history, moved to the front, step by step; and back.

    There are as many steps as the longest history has real events, at least one; under
    XLA, whose shapes are static, as many as there are places.

    Args:
        mask: `(batch, time)` booleans, `True` where an event is real.

    >>> steps = RealSteps(tf.constant([[False, True, True], [True, False, False]]))
    >>> values = tf.constant([[[9], [1], [2]], [[3], [9], [9]]])
    >>> steps.by_event(steps.by_step(values))[..., 0].numpy().tolist()
    [[0, 1, 2], [3, 0, 0]]
    """

    def __init__(self, mask: Tensor) -> None:
        mask = tf.convert_to_tensor(mask)
        self._shape, self._static = tf.shape(mask), mask.shape
        batch, length = tf.unstack(self._shape)
        counts = tf.cumsum(tf.cast(mask, tf.int32), axis=1)
        places = tf.range(length)
        front = tf.argsort(tf.where(mask, places, places + length), axis=1)
        if not kernels.is_xla():
            front = front[:, : tf.maximum(tf.reduce_max(counts), 1)]
        rows = tf.range(batch)[:, None]
        self._mask = mask[..., None]
        self._places = tf.transpose(front + rows * length)  # (steps, batch)
        self._steps = tf.maximum(counts - 1, 0) * batch + rows  # (batch, time)

    def by_step(self, values: Tensor) -> Tensor:
        """From `(batch, time, width)` to `(steps, batch, width)`."""

        @tf.custom_gradient
        def moved(values: Tensor) -> Any:
            return self._by_step(values), self._by_event

        return moved(tf.convert_to_tensor(values))

    def by_event(self, values: Tensor) -> Tensor:
        """From `(steps, batch, width)` to `(batch, time, width)`, zeros at padding."""

        @tf.custom_gradient
        def moved(values: Tensor) -> Any:
            return self._by_event(values), self._real_by_step

        return moved(tf.convert_to_tensor(values))

    # By itself the gradient of a look-up is a sum that is several times slower.

    def _by_step(self, values: Tensor) -> Tensor:
        return tf.gather(_rows(values), self._places)

    def _by_event(self, values: Tensor) -> Tensor:
        return self._real(tf.gather(_rows(values), self._steps))

    def _real_by_step(self, values: Tensor) -> Tensor:
        return self._by_step(self._real(values))

    def _real(self, values: Tensor) -> Tensor:
        return tf.where(self._mask, values, tf.zeros_like(values))


def gated_recurrence(
    projected: Tensor, shift: Tensor, factors: Tensor, kernel: Tensor
) -> Tensor:
    """States of an LSTM whose cell adds and keeps by factors that are known before.

    `[i, f, o, g] = projected_t + h U`, with `shift_t` for `o` as well; then
    `c = f kept_t c + i added_t tanh(g)` and `h = o tanh(c)`, with sigmoids of `i`, `f`
    and `o`. Both states start at zero. In the loop there is one product with `U`; the
    gradient of `U` is one product after the loop.

    Args:
        projected: `(steps, batch, 4 * units)` float32: input, forget and output gate,
            and what may be added.
        shift: `(steps, batch, units)` float32, for the output gate.
        factors: `(steps, batch, 2 * units)` float32: of what is added, of what is kept.
        kernel: `(units, 4 * units)` float32, `U`.

    Returns:
        `(steps, batch, units)` float32 states `h`.
    """

    @tf.custom_gradient
    def states(
        projected: Tensor, shift: Tensor, factors: Tensor, kernel: Tensor
    ) -> tuple[Tensor, Any]:
        outputs, *saved = _forward(projected, shift, factors, kernel)

        def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
            on_projected, on_factors = _backward(upstream, saved, factors, kernel)
            before = tf.concat([tf.zeros_like(outputs[:1]), outputs[:-1]], axis=0)
            on_kernel = tf.matmul(_rows(before), _rows(on_projected), transpose_a=True)
            on_shift = tf.split(on_projected, 4, axis=-1)[2]
            return on_projected, on_shift, on_factors, on_kernel

        return outputs, gradient

    # What is a variable is read here: a gradient by hand may not see it as one.
    return states(*map(tf.convert_to_tensor, (projected, shift, factors, kernel)))


def _forward(
    projected: Tensor, shift: Tensor, factors: Tensor, kernel: Tensor
) -> list[Tensor]:
    """Outputs; cells before each step, tanh of those after it, gates `i, f, o, g`.

    They are stacked: a SavedModel with gradients cannot hold arrays of steps.
    """
    zeros = tf.zeros_like(shift[0])

    def step(place: Tensor, h: Tensor, c: Tensor, *written: Any) -> Any:
        z = projected[place] + tf.matmul(h, kernel)
        i, f, o, g = tf.split(z, 4, axis=-1)
        added, kept = tf.split(factors[place], 2, axis=-1)
        i, f, g = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g)
        o = tf.sigmoid(o + shift[place])
        after = i * added * g + f * kept * c
        tanh = tf.tanh(after)
        h = o * tanh
        values = (h, c, tanh, i, f, o, g)
        arrays = [a.write(place, v) for a, v in zip(written, values, strict=True)]
        return (place + 1, h, after, *arrays)

    return _loop(step, zeros, _count(shift), (kernel.shape[0],) * 7)


def _backward(
    upstream: Tensor, saved: list[Tensor], factors: Tensor, kernel: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of `projected` and `factors`."""
    units, count = kernel.shape[0], _count(upstream)

    def step(place: Tensor, dh: Tensor, dc: Tensor, *written: Any) -> Any:
        back = count - 1 - place
        c, tanh, i, f, o, g = (value[back] for value in saved)
        added, kept = tf.split(factors[back], 2, axis=-1)
        dh = dh + upstream[back]
        dc = dc + dh * o * (1 - tanh * tanh)
        di, df = dc * g, dc * c
        on_i, on_f = di * i, df * f
        dz = tf.concat(
            [
                on_i * added * (1 - i),
                on_f * kept * (1 - f),
                dh * tanh * o * (1 - o),
                dc * i * added * (1 - g * g),
            ],
            axis=-1,
        )
        values = (dz, tf.concat([on_i, on_f], axis=-1))
        arrays = [a.write(back, v) for a, v in zip(written, values, strict=True)]
        dh = tf.matmul(dz, kernel, transpose_b=True)
        return (place + 1, dh, dc * f * kept, *arrays)

    zeros = tf.zeros_like(upstream[0])
    dz, on_factors = _loop(step, zeros, count, (4 * units, 2 * units))
    return dz, on_factors


def _count(values: Tensor) -> Any:
    return values.shape[0] or tf.shape(values)[0]


def _loop(step: Any, zeros: Tensor, count: Any, widths: tuple[int, ...]) -> list[Any]:
    """Runs `step` `count` times; stacks what it writes."""
    arrays = [
        tf.TensorArray(tf.float32, count, element_shape=(zeros.shape[0], width))
        for width in widths
    ]
    found = tf.while_loop(
        lambda place, *_: place < count,
        step,
        (tf.constant(0), zeros, zeros, *arrays),
        maximum_iterations=count,
    )
    return [array.stack() for array in found[3:]]


def _rows(values: Tensor) -> Tensor:
    return tf.reshape(values, (-1, values.shape[-1]))
