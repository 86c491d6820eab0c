"""Weights of tasks by the size of their gradients."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.types import Tensor

__all__ = ["GradNorm", "gradient_norms"]

# A task whose gradient is next to nothing is not to outweigh all others.
LEAST = 1e-3


class GradNorm:
    """Weights that let tasks have gradients of one size and learn at one pace.

    With `n_k` the norm of the gradient of task `k`, and `r_k` its loss in proportion to
    what it was at first, over the mean of that, `c_k n_k` is to be in proportion to
    `r_k^alpha`: a task that lags behind gets more. Weights move towards that by `rate`
    in each step, and add up to the number of tasks.

    Args:
        names: Names of the tasks.
        alpha: How strongly a task that lags behind is favoured; 0 not at all.
        rate: Share of the way that weights go in a step.

    Raises:
        InputError: A number is out of range.

    Source: Chen et al., GradNorm, ICML 2018, equations (1) and (2) and algorithm 1.
    Deviations: weights go to the least of equation (2) itself, which is known, in place
    of steps along its gradient, whose size would depend on that of the loss; and the
    gradient is that by what the towers take, not by the last shared weights.
    """

    def __init__(
        self, names: Sequence[str], *, alpha: float = 1.5, rate: float = 0.05
    ) -> None:
        if not 0 <= alpha < float("inf"):
            raise InputError("alpha", received=alpha, expected="a number >= 0")
        if not 0 < rate <= 1:
            raise InputError("rate", received=rate, expected="above 0, at most 1")
        self.names, self.alpha, self.rate = list(names), alpha, rate
        self.weights = tf.Variable(tf.ones(len(self.names)), trainable=False)
        self.first = tf.Variable(tf.zeros(len(self.names)), trainable=False)

    @classmethod
    def of(cls, names: Sequence[str], settings: Mapping[str, Any]) -> "GradNorm":
        """One by its settings; unknown ones are refused."""
        for name in settings:
            if name not in ("alpha", "rate"):
                raise UnknownName("balance", name, ("kind", "alpha", "rate"))
        return cls(names, **settings)

    @property
    def variables(self) -> list[tf.Variable]:
        """All that it keeps from step to step."""
        return [self.weights, self.first]

    @property
    def by_name(self) -> dict[str, float]:
        """The present weights."""
        return dict(zip(self.names, np.asarray(self.weights).tolist(), strict=True))

    def step(self, losses: Tensor, norms: Tensor, counts: Tensor) -> Tensor:
        """The weights, after a step towards where they should be.

        Args:
            losses: `(tasks,)`.
            norms: `(tasks,)`: of their gradients, unweighted.
            counts: `(tasks,)`: 1 for tasks that take part, others keep their weight.

        Returns:
            `(tasks,)`. They are read from a variable, so no gradient passes.
        """
        here = ops.logical_and(counts > 0, ops.logical_and(losses > 0, norms > 0))
        is_here = ops.cast(here, losses.dtype)
        is_new = ops.logical_and(here, ops.equal(self.first, 0.0))
        self.first.assign(ops.where(is_new, losses, self.first))
        pace = losses / ops.where(self.first > 0, self.first, 1.0)
        pace = pace / ops.maximum(_mean(pace, is_here), LEAST)
        floor = ops.maximum(LEAST * ops.max(norms * is_here), 1e-30)
        goal = ops.power(pace, self.alpha) / ops.maximum(norms, floor)
        # Those that take part share what they had.
        had = _mean(ops.convert_to_tensor(self.weights), is_here)
        goal = goal * had / ops.maximum(_mean(goal, is_here), 1e-30)
        moved = (1 - self.rate) * self.weights + self.rate * goal
        self.weights.assign(ops.where(here, moved, self.weights))
        return ops.convert_to_tensor(self.weights)


def gradient_norms(
    towers: keras.layers.Layer,
    inputs: Tensor,
    losses: Callable[[Tensor], Sequence[Tensor]],
) -> Tensor:
    """Norm of the gradient of each task by what the towers take.

    The towers are run once more, without dropout, and backwards once a task; what lies
    below them is not.

    Args:
        towers: The towers.
        inputs: What they took.
        losses: From their outputs to the tasks' losses.

    Returns:
        `(tasks,)`.
    """
    inputs = ops.stop_gradient(inputs)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        found = losses(towers(inputs))
    norms = []
    for loss in found:
        gradient = tape.gradient(
            loss, inputs, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        norms.append(ops.sqrt(ops.sum(ops.square(ops.cast(gradient, "float32")))))
    del tape
    return ops.stack(norms)


def _mean(values: Tensor, counts: Tensor) -> Tensor:
    return ops.sum(values * counts) / ops.maximum(ops.sum(counts), 1.0)
