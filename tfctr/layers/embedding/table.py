"""One embedding table, read row by row."""

from typing import Any, Protocol

import keras
import tensorflow as tf
from keras import ops

from tfctr import kernels
from tfctr.errors import InputError
from tfctr.huge_pages import collapse
from tfctr.layers.embedding.frozen_rows import FrozenRows
from tfctr.layers.embedding.initializers import ROWS_PER_PIECE, NormalByName
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["EmbeddingTable", "Storage"]


class Storage(Protocol):
    """Another form of a table's rows, put in its place for serving."""

    def gather(self, ids: Tensor) -> Tensor:
        """Float32 rows `(*ids.shape, dim)`."""


@serializable
class EmbeddingTable(keras.layers.Layer):
    """Looks up one trained row for each id.

    Only the rows of a batch are read, and their gradient is a `tf.IndexedSlices` of
    them, so that with an optimizer of `tfctr.optimizers` a step costs what the batch
    touches, however many rows there are. (`keras.layers.Embedding` reads the whole
    variable, and Keras' optimizers write all of it.)

    Args:
        num_rows: Number of rows.
        dim: Width of a row.
        embeddings_initializer: Initialiser of the rows.
        **kwargs: Passed to `keras.layers.Layer`.

    Attributes:
        storage: Where `gather` reads rows instead of in the variable, if set.
        frozen: Rows that training leaves as they are, if any: see `freeze`.

    Call arguments:
        ids: Integers in `[0, num_rows)`, any shape.
        training: Whether dropout on frozen rows is on.

    Returns:
        `(*ids.shape, dim)` in the compute dtype.

    >>> tuple(EmbeddingTable(num_rows=10, dim=4)(ops.ones((2, 3), "int32")).shape)
    (2, 3, 4)
    """

    def __init__(
        self,
        num_rows: int,
        dim: int,
        *,
        embeddings_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("num_rows", num_rows), ("dim", dim)):
            if value < 1:
                raise InputError(name, received=value, expected="a positive number")
        self.num_rows = num_rows
        self.dim = dim
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)
        self.storage: Storage | None = None
        self.frozen: FrozenRows | None = None

    def build(self, ids_shape: Shape | None = None) -> None:
        initializer = self.embeddings_initializer
        is_filled = (
            isinstance(initializer, NormalByName)
            and self.num_rows > ROWS_PER_PIECE
            and not tf.distribute.has_strategy()
            and tf.executing_eagerly()
        )
        # Autocast would read the whole table; rows are cast when they are read.
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.num_rows, self.dim),
            initializer="zeros" if is_filled else initializer,
            dtype=self.variable_dtype,
            autocast=False,
        )
        collapse(self.embeddings.value)
        if is_filled:
            initializer.fill(self.embeddings.value)
        self.embeddings.is_embedding_table = True  # for `tfctr.optimizers`
        if isinstance(initializer, NormalByName):
            self.embeddings.row_parts = tuple(initializer.sizes.values())

    def call(self, ids: Tensor, training: bool | None = None) -> Tensor:
        rows = self.gather(ids)
        if training and self.frozen is not None:
            rows = self.frozen.dropped(rows, ids)
        return ops.cast(rows, self.compute_dtype)

    def freeze(self, frozen: FrozenRows) -> None:
        """Keeps rows as they are, from before the optimizer is built.

        It holds for this object: a model that is loaded from a file has no frozen rows.

        Args:
            frozen: The rows.
        """
        self.frozen = frozen
        count = sum(stop - start for start, stop in frozen.ranges)
        self.embeddings.trainable = count < self.num_rows
        # For `tfctr.optimizers`, to which Keras hands the variable within.
        self.embeddings.value.has_frozen_rows = True

    def gather(self, ids: Tensor) -> Tensor:
        """Rows `(*ids.shape, dim)` as they are stored."""
        if self.storage is not None:
            return self.storage.gather(ids)
        return gather_rows(self.embeddings.value, ids, self.frozen)

    def compute_output_shape(self, ids_shape: Shape) -> Shape:
        return (*ids_shape, self.dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_rows": self.num_rows,
            "dim": self.dim,
            "embeddings_initializer": keras.initializers.serialize(
                self.embeddings_initializer
            ),
        }


def gather_rows(table: Any, ids: Tensor, frozen: FrozenRows | None = None) -> Tensor:
    """Rows of a `tf.Variable` or tensor; the gradient holds these rows only.

    Args:
        table: `(rows, dim)`.
        ids: Integers of any shape.
        frozen: Rows without a gradient, if any.

    Returns:
        `(*ids.shape, dim)`.
    """
    flat = tf.reshape(ids, (-1,))
    rows = kernels.gather(table, flat) if frozen is None else frozen.gather(table, flat)
    shape = tf.concat([tf.shape(ids), table.shape[1:]], axis=0)
    rows = tf.reshape(rows, shape)
    return tf.ensure_shape(rows, (*ids.shape, *table.shape[1:]))
