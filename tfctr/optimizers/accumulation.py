"""Gradients of several batches, kept until they make a step."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr import kernels
from tfctr.errors import InputError
from tfctr.optimizers.gradients import scaled
from tfctr.types import Tensor

__all__ = ["PendingGradients"]

PREFIX = "pending_"  # of keys in Keras files


class PendingGradients(tf.Module):
    """Sums dense gradients; keeps the rows of sparse ones side by side.

    Memory follows the batches, not the tables: one accumulator of a table's size is
    what Keras' own accumulation would need.

    Args:
        variables: The trained variables.
        steps: Number of batches that make a step.
    """

    def __init__(self, variables: Sequence[Any], steps: int) -> None:
        super().__init__()
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise InputError(
                "gradient_accumulation_steps",
                received=f"{steps} with several replicas",
                expected="one replica",
                hint="Each replica has its batch: use a larger one.",
            )
        self._steps = steps
        self._like = [(tuple(v.shape), v.dtype) for v in variables]
        # By number as text: `tf.train.Checkpoint` takes no other keys.
        self._dense: dict[str, tf.Variable] = {}
        self._rows: dict[str, tf.Variable] = {}
        self._values: dict[str, tf.Variable] = {}
        # Made now, so that a checkpoint finds them, where their kind is known.
        for place, variable in enumerate(variables):
            self._make(place, bool(getattr(variable, "is_embedding_table", False)))

    def add(
        self,
        iterations: Any,
        places: Sequence[int],
        grads: Sequence[Any],
        step: Callable[[list[Any]], None],
    ) -> None:
        """Adds gradients; every `steps`-th time calls `step` with their mean.

        Args:
            iterations: Number of batches before this one.
            places: Number of each gradient's variable.
            grads: The gradients.
            step: Applies mean gradients.
        """
        for place, gradient in zip(places, grads, strict=True):
            _check_kernels(gradient)
            self._make(place, isinstance(gradient, tf.IndexedSlices))
        totals = [
            self._total(place, gradient)
            for place, gradient in zip(places, grads, strict=True)
        ]

        def apply() -> None:
            step([scaled(total, 1 / self._steps) for total in totals])
            for place, total in zip(places, totals, strict=True):
                self._keep(place, _nothing(total))

        def keep() -> None:
            for place, total in zip(places, totals, strict=True):
                self._keep(place, total)

        is_last = tf.equal((iterations.value + 1) % self._steps, 0)
        # Without returned values the branches are run for what they assign.
        tf.cond(is_last, lambda: _done(apply), lambda: _done(keep))

    def save(self, store: Any) -> None:
        """Writes what is pending beside the optimizer's own variables."""
        for kind, kept in self._kinds().items():
            for place, value in kept.items():
                store[f"{PREFIX}{kind}_{place}"] = value.numpy()

    def load(self, store: Any) -> dict[str, Any]:
        """Reads what `save` wrote; returns what else is in the store.

        Args:
            store: The entry of a Keras file.
        """
        keys = store.keys()  # an entry of a Keras file cannot be iterated itself
        found = {key: np.array(store[key]) for key in keys}
        self._clear()
        for key in [key for key in found if key.startswith(PREFIX)]:
            kind, place = key.removeprefix(PREFIX).split("_")
            value = found.pop(key)
            if kind == "dense":
                self._put(int(place), tf.constant(value))
            elif kind == "rows":
                values = found[f"{PREFIX}values_{place}"]
                self._put(int(place), tf.IndexedSlices(values, value))
        return {k: v for k, v in found.items() if not k.startswith(PREFIX)}

    def _kinds(self) -> dict[str, dict[str, tf.Variable]]:
        return {"dense": self._dense, "rows": self._rows, "values": self._values}

    def _clear(self) -> None:
        for kept in (self._rows, self._values):
            for value in kept.values():
                value.assign(value[:0])
        for value in self._dense.values():
            value.assign(tf.zeros_like(value))

    def _put(self, place: int, total: Any) -> None:
        self._make(place, isinstance(total, tf.IndexedSlices))
        self._keep(place, total)

    def _make(self, place: int, has_rows: bool) -> None:
        key, (shape, dtype) = str(place), self._like[place]
        with tf.init_scope():
            if has_rows and key not in self._rows:
                self._rows[key] = _growing((0,), "int64")
                self._values[key] = _growing((0, *shape[1:]), dtype)
            if not has_rows and key not in self._dense:
                zeros = tf.zeros(shape, dtype)
                self._dense[key] = tf.Variable(zeros, trainable=False)

    def _total(self, place: int, gradient: Any) -> Any:
        key, (_, dtype) = str(place), self._like[place]
        if not isinstance(gradient, tf.IndexedSlices):
            return self._dense[key] + tf.cast(gradient, dtype)
        values = tf.cast(gradient.values, dtype)
        rows = tf.cast(gradient.indices, "int64")
        return tf.IndexedSlices(
            tf.concat([self._values[key].read_value(), values], axis=0),
            tf.concat([self._rows[key].read_value(), rows], axis=0),
            gradient.dense_shape,
        )

    def _keep(self, place: int, total: Any) -> None:
        key = str(place)
        if isinstance(total, tf.IndexedSlices):
            self._rows[key].assign(total.indices)
            self._values[key].assign(total.values)
        else:
            self._dense[key].assign(total)


def _check_kernels(gradient: Any) -> None:
    """Rows in any number cannot be kept between calls of a compiled function."""
    if isinstance(gradient, tf.IndexedSlices) and kernels.is_surely_xla():
        raise InputError(
            "gradient_accumulation_steps",
            received="jit_compile=True and a table",
            expected="one of them only",
            hint="Use jit_compile=False, or a larger batch.",
        )


def _growing(shape: Any, dtype: Any) -> tf.Variable:
    return tf.Variable(
        tf.zeros(shape, dtype),
        trainable=False,
        shape=tf.TensorShape([None, *shape[1:]]),
    )


def _nothing(total: Any) -> Any:
    if isinstance(total, tf.IndexedSlices):
        return tf.IndexedSlices(total.values[:0], total.indices[:0], total.dense_shape)
    return tf.zeros_like(total)


def _done(run: Callable[[], None]) -> Tensor:
    run()
    return tf.constant(True)
