"""Vectors of a modality by item, so that data and requests hold ids alone."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tfctr import kernels
from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["ModalTable"]

CHUNK = 65_536


@serializable
class ModalTable(keras.layers.Layer):
    """One precomputed vector for each row of a vocabulary; zeros where there is none.

    Args:
        num_rows: Rows of the vocabulary's table.
        width: Width of the vectors.
        trainable_rows: Whether training changes them.
        **kwargs: Passed to `keras.layers.Layer`; with `dtype="float16"` they take half
            the memory.

    Call arguments:
        ids: `(...)` encoded ids.

    Returns:
        `(..., width)` in the compute dtype.

    >>> table = ModalTable(3, 2)
    >>> table.load(np.eye(3, 2))
    >>> ops.convert_to_numpy(table(np.array([1, 2]))).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """

    def __init__(
        self, num_rows: int, width: int, *, trainable_rows: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("num_rows", num_rows), ("width", width)):
            if value < 1:
                raise InputError(name, received=value, expected="a positive number")
        self.num_rows, self.width = num_rows, width
        self.trainable_rows = trainable_rows

    def build(self, ids_shape: Shape = ()) -> None:
        self.vectors = self.add_weight(
            name="vectors",
            shape=(self.num_rows, self.width),
            initializer="zeros",
            trainable=self.trainable_rows,
        )

    def load(self, vectors: Any) -> None:
        """Sets all rows.

        Args:
            vectors: `(num_rows, width)` numbers, for example a memory-mapped file,
                which is read piece by piece. A row of NaN or zeros is a missing vector.

        Raises:
            InputError: Another shape, a row with some numbers that are not finite, or
                no vector at all.
        """
        self._make()
        expected = (self.num_rows, self.width)
        if tuple(np.shape(vectors)) != expected:
            raise InputError(
                "vectors",
                received=f"shape {tuple(np.shape(vectors))}",
                expected=f"{expected}: a row for each of the vocabulary, by its id",
            )
        made = np.zeros(expected, self.vectors.dtype)
        for start in range(0, self.num_rows, CHUNK):
            rows = np.asarray(vectors[start : start + CHUNK], "float32")
            missing = np.isnan(rows).all(axis=-1)
            broken = ~missing & ~np.isfinite(rows).all(axis=-1)
            for row in np.flatnonzero(broken)[:1]:
                raise InputError(
                    "vectors",
                    received=f"NaN or infinity in row {start + row}",
                    expected="numbers, or NaN alone where the vector is missing",
                )
            made[start : start + CHUNK] = np.where(missing[:, None], 0, rows)
        if not made.any():
            raise InputError(
                "vectors",
                received="NaN or zeros in all rows",
                expected="a vector for one item at least",
            )
        self.vectors.assign(made)

    def is_loaded(self) -> bool:
        """Whether there is a vector; without one every id has zeros."""
        self._make()
        return any(
            bool(ops.any(ops.not_equal(self.vectors[start : start + CHUNK], 0)))
            for start in range(0, self.num_rows, CHUNK)
        )

    def _make(self) -> None:
        if not getattr(self, "built", False):
            self.build()
            self.built = True

    def call(self, ids: Tensor) -> Tensor:
        ids = ops.cast(ids, "int32")
        if self.trainable_rows:  # with the gradients that the optimizer takes
            rows = kernels.gather(self.vectors.value, ops.reshape(ids, (-1,)))
            rows = ops.reshape(rows, (*ops.shape(ids), self.width))
        else:
            rows = ops.take(self.vectors, ids, axis=0)
        return ops.cast(rows, self.compute_dtype)

    def compute_output_shape(self, ids_shape: Shape) -> Shape:
        return (*ids_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_rows": self.num_rows,
            "width": self.width,
            "trainable_rows": self.trainable_rows,
        }
