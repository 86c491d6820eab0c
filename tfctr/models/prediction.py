"""Logits of arrays in memory, past the input adapters of Keras."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfctr import kernels
from tfctr.errors import InputError

__all__ = ["BatchPredictor", "are_arrays"]


def are_arrays(x: Any) -> bool:
    """Whether `x` is a dict of arrays or tensors in memory."""
    return (
        isinstance(x, Mapping)
        and bool(x)
        and all(isinstance(value, (np.ndarray, tf.Tensor)) for value in x.values())
    )


class BatchPredictor:
    """Calls a model batch by batch, in one graph for batches of any size.

    Keras' `predict` makes a dataset, an iterator and callbacks for each call, which
    takes longer than to score some thousand examples.

    Args:
        model: The model.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._functions: dict[Any, Any] = {}

    def __call__(self, x: Mapping[str, Any], batch_size: int) -> dict[str, np.ndarray]:
        """Outputs of all rows of `x`, by name.

        Args:
            x: Arrays of equally many rows by name.
            batch_size: Rows that are scored at a time.
        """
        rows = {len(value) for value in x.values()}
        if len(rows) != 1:
            raise InputError("x", received=f"{sorted(rows)} rows", expected="as many")
        count = rows.pop()
        if not count:
            raise InputError("x", received="no rows", expected="at least one")
        function = self._function(x)
        parts = []
        for start in range(0, count, batch_size):
            batch = {
                name: tf.convert_to_tensor(value[start : start + batch_size])
                for name, value in x.items()
            }
            parts.append(function(batch))
        return {
            name: np.concatenate([part[name].numpy() for part in parts])
            for name in parts[0]
        }

    def _function(self, x: Mapping[str, Any]) -> Any:
        specs = {
            name: tf.TensorSpec((None, *value.shape[1:]), value.dtype)
            for name, value in x.items()
        }
        is_xla = bool(self._model.jit_compile)
        key = (is_xla, *((n, s.dtype, tuple(s.shape)) for n, s in specs.items()))
        if key not in self._functions:

            def forward(batch: Any) -> Any:
                with kernels.xla(is_xla):
                    return self._model(batch, training=False)

            # AutoGraph has nothing to convert here, and takes its time.
            traced = tf.function(forward, jit_compile=is_xla, autograph=False)
            self._functions[key] = traced.get_concrete_function(specs)
        return self._functions[key]
