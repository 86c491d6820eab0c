"""How often rows of a table were trained, and learning rates that follow it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr import kernels
from tfctr.types import Tensor

__all__ = ["RowFrequencies", "row_frequencies"]


class RowFrequencies:
    """Counts the look-ups of rows; frequent rows take larger steps than rare ones.

    `rate_i = rate * log(1 + F_i) / max_j log(1 + F_j)`: `F_i` look-ups of row `i` up to
    this step, `j` all rows of the same table. A look-up counts where its gradient is
    not 0, so that padding and masked events do not. The most frequent row takes the
    whole rate.

    Args:
        seen: `F`, a variable `(rows, 1)`.
        most: Its maximum in each table, a variable `(tables,)`.
        parts: Rows of each table, in their order.

    Source: Adaptive learning rates by frequency, arXiv 2505.05605 (abstract, and the
    formula as others quote it).
    """

    def __init__(self, seen: Any, most: Any, parts: Sequence[int]) -> None:
        self.seen, self.most = seen, most
        self._stops = np.cumsum(parts)

    def rates(self, gradient: Any, learning_rate: Tensor) -> Tensor:
        """Counts the look-ups of a step.

        Args:
            gradient: Tensor, of which each row that is not 0 is one look-up, or
                `tf.IndexedSlices`.
            learning_rate: Step size, a scalar.

        Returns:
            Step sizes `(rows, 1)`: of the unique rows of `tf.IndexedSlices`, in the
            order of `tf.unique`, else of all rows.
        """
        if isinstance(gradient, tf.IndexedSlices):
            places, segments = tf.unique(gradient.indices)
            times = kernels.sum_rows(
                _is_some(gradient.values), segments, tf.size(places)
            )
            counts = kernels.gather(self.seen.value, places)
            counts += tf.cast(times, counts.dtype)
            self.seen.value.scatter_update(tf.IndexedSlices(counts, places))
        else:
            places = tf.range(self.seen.shape[0])
            counts = self.seen.value.read_value()
            counts += tf.cast(_is_some(gradient), counts.dtype)
            self.seen.value.assign(counts)
        stops = tf.constant(self._stops[:-1], places.dtype)
        parts = tf.searchsorted(stops, places, side="right")
        found = tf.math.unsorted_segment_max(counts[:, 0], parts, len(self._stops))
        most = tf.maximum(self.most.value.read_value(), found)
        self.most.value.assign(most)
        largest = tf.gather(most, parts)[:, None]
        shares = tf.math.divide_no_nan(tf.math.log1p(counts), tf.math.log1p(largest))
        return learning_rate * tf.cast(shares, learning_rate.dtype)


def row_frequencies(
    variables: Sequence[Any], make_slot: Callable[..., Any]
) -> dict[int, RowFrequencies]:
    """Counts of each embedding table, by its place among variables.

    Args:
        variables: Those that an optimizer is built with.
        make_slot: Makes a variable beside another one, by name and shape.
    """
    found = {}
    for place, variable in enumerate(variables):
        if not getattr(variable, "is_embedding_table", False):
            continue
        # Tables that lie in one variable; see `EmbeddingCollection`.
        parts = getattr(variable, "row_parts", (variable.shape[0],))
        seen = make_slot(variable, "frequency", (variable.shape[0], 1))
        most = make_slot(variable, "most_frequent", (len(parts),))
        found[place] = RowFrequencies(seen, most, parts)
    return found


def _is_some(rows: Tensor) -> Tensor:
    """1 for each row that is not all 0, `(rows, 1)` float32."""
    return tf.cast(tf.reduce_any(rows != 0, axis=1, keepdims=True), tf.float32)
