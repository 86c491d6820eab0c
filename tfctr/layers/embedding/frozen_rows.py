"""Rows of a table that training leaves as they are."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfctr import kernels
from tfctr.errors import InputError
from tfctr.types import Tensor

__all__ = ["FrozenRows"]


class FrozenRows:
    """Which rows of a table are frozen, and how they are read.

    Their gradient is cut where they are read, so an optimizer of `tfctr.optimizers`
    never hears of them.

    Args:
        ranges: Rows `(start, stop)`, some after the other.
        dropout: Share of the entries of frozen rows that training sees as 0.
        seed: Seed of the dropout.
    """

    def __init__(
        self, ranges: Sequence[tuple[int, int]], *, dropout: float = 0.0, seed: int = 0
    ) -> None:
        if not 0 <= dropout < 1:
            raise InputError("dropout", received=dropout, expected="within 0 and 1")
        self.ranges = [(int(start), int(stop)) for start, stop in ranges]
        self.dropout = dropout
        self.seed = seed
        self.seeds = keras.random.SeedGenerator(seed) if dropout else None

    def get_config(self) -> dict[str, Any]:
        """Its arguments, JSON-ready."""
        ranges = [list(rows) for rows in self.ranges]
        return {"ranges": ranges, "dropout": self.dropout, "seed": self.seed}

    def holds(self, ids: Tensor) -> Tensor:
        """Whether each row is frozen.

        Args:
            ids: Rows of the table, any shape.
        """
        found = tf.zeros_like(ids, tf.bool)
        for start, stop in self.ranges:
            found |= (ids >= start) & (ids < stop)
        return found

    def gather(self, table: tf.Variable, ids: Tensor) -> Tensor:
        """Rows `(n, dim)`; the gradient holds those that are not frozen.

        Args:
            table: `(rows, dim)`.
            ids: `(n,)` rows of it.
        """
        rows = tf.stop_gradient(kernels.gather(table, ids))
        if sum(stop - start for start, stop in self.ranges) == table.shape[0]:
            return rows
        frozen = self.holds(ids)
        if kernels.is_xla():  # which wants static shapes
            return tf.where(frozen[:, None], rows, kernels.gather(table, ids))
        places = tf.where(~frozen)
        learnt = kernels.gather(table, tf.gather(ids, places[:, 0]))
        return tf.tensor_scatter_nd_update(rows, places, learnt)

    def dropped(self, rows: Tensor, ids: Tensor) -> Tensor:
        """Rows with dropout on the frozen ones.

        Args:
            rows: `(*ids.shape, dim)`.
            ids: Rows of the table.
        """
        if self.seeds is None:
            return rows
        fewer = keras.random.dropout(rows, self.dropout, seed=self.seeds)
        return tf.where(self.holds(ids)[..., None], fewer, rows)
