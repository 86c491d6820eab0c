"""The loop of a time-aware LSTM, with its gradient by hand."""

from typing import Any

import tensorflow as tf

from tfctr import kernels
from tfctr.types import Tensor

__all__ = ["RealSteps", "affine", "gated_recurrence"]


class RealSteps:
    """Real events of each history, moved to the front, step by step; and back.

    There are as many steps as the longest history has real events, at least one; under
    XLA, whose shapes are static, as many as there are places.

    Args:
        mask: `(batch, time)` booleans, `True` where an event is real; by default all.

    >>> steps = RealSteps(tf.constant([[False, True, True], [True, False, False]]))
    >>> values = tf.constant([[[9], [1], [2]], [[3], [9], [9]]])
    >>> steps.by_event(steps.by_step(values))[..., 0].numpy().tolist()
    [[0, 1, 2], [3, 0, 0]]
    """

    def __init__(self, mask: Tensor | None) -> None:
        self._mask = None
        if mask is None:
            return
        mask = tf.convert_to_tensor(mask)
        batch, length = tf.unstack(tf.shape(mask))
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
        if self._mask is None:
            return tf.transpose(values, (1, 0, 2))
        return tf.gather(_rows(values), self._places)

    def _by_event(self, values: Tensor) -> Tensor:
        if self._mask is None:
            return tf.transpose(values, (1, 0, 2))
        return self._real(tf.gather(_rows(values), self._steps))

    def _real_by_step(self, values: Tensor) -> Tensor:
        return self._by_step(self._real(values))

    def _real(self, values: Tensor) -> Tensor:
        if self._mask is None:
            return values
        return tf.where(self._mask, values, tf.zeros_like(values))


def affine(values: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """`values @ kernel + bias` on the last of three axes.

    One product of matrices takes a third of the time of several, and TensorFlow can
    add a bias while it multiplies.

    Args:
        values: `(..., dim)`.
        kernel: `(dim, units)`.
        bias: `(units,)`, none by default.
    """
    values = tf.convert_to_tensor(values)
    flat = tf.matmul(_rows(values), kernel)
    if bias is not None:
        flat = tf.nn.bias_add(flat, bias)
    return tf.reshape(flat, (*tf.unstack(tf.shape(values))[:-1], kernel.shape[-1]))


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
        outputs = _forward(projected, shift, factors, kernel)

        def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
            before = _shifted(outputs)
            gates = _gates(projected, shift, before, kernel)
            on_projected, on_factors = _backward(upstream, gates, factors, kernel)
            on_kernel = tf.matmul(_rows(before), _rows(on_projected), transpose_a=True)
            on_shift = tf.split(on_projected, 4, axis=-1)[2]
            return on_projected, on_shift, on_factors, on_kernel

        return outputs, gradient

    # What is a variable is read here: a gradient by hand may not see it as one.
    return states(*map(tf.convert_to_tensor, (projected, shift, factors, kernel)))


def _forward(
    projected: Tensor, shift: Tensor, factors: Tensor, kernel: Tensor
) -> Tensor:
    """States after each step: a gradient finds the rest from them."""
    zeros = tf.zeros_like(shift[0])

    def step(place: Tensor, h: Tensor, c: Tensor, states: Any) -> Any:
        z = projected[place] + tf.matmul(h, kernel)
        i, f, o, g = tf.split(z, 4, axis=-1)
        added, kept = tf.split(factors[place], 2, axis=-1)
        c = tf.sigmoid(i) * added * tf.tanh(g) + tf.sigmoid(f) * kept * c
        h = tf.sigmoid(o + shift[place]) * tf.tanh(c)
        return place + 1, h, c, states.write(place, h)

    (states,) = _loop(step, (zeros, zeros), _count(shift), (kernel.shape[0],))
    return states


def _cells(added: Tensor, kept: Tensor) -> Tensor:
    """`c = added + kept c` after each step."""
    zeros = tf.zeros_like(added[0])

    def step(place: Tensor, c: Tensor, cells: Any) -> Any:
        c = added[place] + kept[place] * c
        return place + 1, c, cells.write(place, c)

    (cells,) = _loop(step, (zeros,), _count(added), (added.shape[-1],))
    return cells


def _gates(
    projected: Tensor, shift: Tensor, before: Tensor, kernel: Tensor
) -> tuple[Tensor, ...]:
    """Gates `i, f, o, g` of all steps at once, from the states before each."""
    product = tf.matmul(_rows(before), kernel)
    i, f, o, g = tf.split(projected + tf.reshape(product, tf.shape(projected)), 4, -1)
    return tf.sigmoid(i), tf.sigmoid(f), tf.sigmoid(o + shift), tf.tanh(g)


def _backward(
    upstream: Tensor, gates: tuple[Tensor, ...], factors: Tensor, kernel: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of `projected` and `factors`."""
    units, count = kernel.shape[0], _count(upstream)
    i, f, o, g = gates
    added, kept = tf.split(factors, 2, axis=-1)
    carried = f * kept
    cells = _cells(i * added * g, carried)
    tanh, before = tf.tanh(cells), _shifted(cells)
    # What the gradient of a cell or a state is multiplied with, for all steps at once.
    on_cell = tf.concat(
        [added * g * i * (1 - i), before * kept * f * (1 - f), i * added * (1 - g * g)],
        axis=-1,
    )
    on_state = tanh * o * (1 - o)
    through = o * (1 - tanh * tanh)

    def step(place: Tensor, dh: Tensor, dc: Tensor, *written: Any) -> Any:
        back = count - 1 - place
        dh = dh + upstream[back]
        dc = dc + dh * through[back]
        di, df, dg = tf.split(on_cell[back] * tf.tile(dc, [1, 3]), 3, axis=-1)
        dz = tf.concat([di, df, dh * on_state[back], dg], axis=-1)
        arrays = [a.write(back, v) for a, v in zip(written, (dz, dc), strict=True)]
        dh = tf.matmul(dz, kernel, transpose_b=True)
        return (place + 1, dh, dc * carried[back], *arrays)

    zeros = tf.zeros_like(upstream[0])
    dz, dc = _loop(step, (zeros, zeros), count, (4 * units, units))
    return dz, tf.concat([dc * g * i, dc * before * f], axis=-1)


def _shifted(values: Tensor) -> Tensor:
    """What was before each step: zeros before the first."""
    return tf.concat([tf.zeros_like(values[:1]), values[:-1]], axis=0)


def _count(values: Tensor) -> Any:
    return values.shape[0] or tf.shape(values)[0]


def _loop(
    step: Any, states: tuple[Tensor, ...], count: Any, widths: tuple[int, ...]
) -> list[Any]:
    """Runs `step` `count` times; stacks what it writes.

    A SavedModel with gradients cannot hold the arrays themselves.
    """
    arrays = [
        tf.TensorArray(tf.float32, count, element_shape=(states[0].shape[0], width))
        for width in widths
    ]
    found = tf.while_loop(
        lambda place, *_: place < count,
        step,
        (tf.constant(0), *states, *arrays),
        maximum_iterations=count,
    )
    return [array.stack() for array in found[1 + len(states) :]]


def _rows(values: Tensor) -> Tensor:
    return tf.reshape(values, (-1, values.shape[-1]))
