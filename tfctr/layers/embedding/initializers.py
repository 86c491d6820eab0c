"""Initial rows of fused tables, made piece by piece."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.seeds import derived_seed
from tfctr.types import Tensor

__all__ = ["NormalByName"]

ROWS_PER_PIECE = 1 << 18


@serializable
class NormalByName(keras.initializers.Initializer):
    """Normal rows of several tables that lie below each other in one variable.

    The rows of a table depend on the seed, its name and their place in it: not on the
    other tables, nor on how many rows follow. They are made in pieces, with which
    `fill` sets a table of many GiB without ever holding it twice.

    Args:
        sizes: Rows of each table, in their order.
        stddev: Deviation, or one for each column.
        seed: Seed.

    >>> rows = NormalByName({"user": 2, "item": 3}, stddev=1.0)((5, 4))
    >>> tuple(rows.shape)
    (5, 4)
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        *,
        stddev: float | Sequence[float] = 0.05,
        seed: int = 0,
    ) -> None:
        self.sizes = dict(sizes)
        self.stddev = stddev if isinstance(stddev, (int, float)) else list(stddev)
        self.seed = seed

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        rows, dim = shape
        if rows != sum(self.sizes.values()):
            raise InputError(
                "shape", received=shape, expected=f"{sum(self.sizes.values())} rows"
            )
        pieces = self._pieces(dim, dtype or "float32")
        return tf.concat([piece for _, piece in pieces], axis=0)

    def fill(self, variable: tf.Variable) -> None:
        """Sets the rows of an existing variable, piece by piece.

        Args:
            variable: `(rows, dim)`, on one device.
        """
        for start, piece in self._pieces(variable.shape[1], variable.dtype):
            # `variable[start:stop].assign` would read all of it first.
            tf.raw_ops.ResourceStridedSliceAssign(
                ref=variable.handle,
                begin=[start],
                end=[start + len(piece)],
                strides=[1],
                value=piece,
            )

    def get_config(self) -> dict[str, Any]:
        return {"sizes": self.sizes, "stddev": self.stddev, "seed": self.seed}

    def _pieces(self, dim: int, dtype: Any) -> Iterator[tuple[int, Tensor]]:
        offset = 0
        for name, rows in self.sizes.items():
            seed = derived_seed(self.seed, name)
            for number, start in enumerate(range(0, rows, ROWS_PER_PIECE)):
                count = min(ROWS_PER_PIECE, rows - start)
                # The kernel behind `tf.random.stateless_normal`, without the five
                # operations with which that scrambles its seed.
                normal = tf.raw_ops.StatelessRandomNormalV2(
                    shape=(count, dim),
                    key=tf.constant([seed], tf.uint64),
                    counter=tf.constant([0, number], tf.uint64),
                    alg=tf.random.Algorithm.PHILOX.value,
                    dtype=dtype,
                )
                yield offset + start, tf.constant(self.stddev, dtype) * normal
            offset += rows
