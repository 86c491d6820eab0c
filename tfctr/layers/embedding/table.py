"""One embedding table, read row by row."""

from collections.abc import Mapping
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
        dropout: Share of the entries of rows that training sees as 0: see `drop`.

    Call arguments:
        ids: Integers in `[0, num_rows)`, any shape.
        training: Whether dropout is on.

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
        self.dropout = 0.0
        self._seed: keras.random.SeedGenerator | None = None
        self._dropout_seed = 0

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
        if training and self.dropout:
            rows = keras.random.dropout(rows, self.dropout, seed=self._seed)
        return ops.cast(rows, self.compute_dtype)

    def freeze(self, frozen: FrozenRows) -> None:
        """Keeps rows as they are, from before the optimizer is built.

        Models of the SDK keep it in their files.

        Args:
            frozen: The rows.
        """
        self.frozen = frozen
        self._keep("_frozen_seed", frozen.seeds)
        count = sum(stop - start for start, stop in frozen.ranges)
        self.embeddings.trainable = count < self.num_rows
        # For `tfctr.optimizers`, to which Keras hands the variable within.
        self.embeddings.value.has_frozen_rows = True

    def drop(self, dropout: float, seed: int = 0) -> None:
        """Lets training see a share of the entries of all rows as 0.

        Args:
            dropout: The share; none of them are zeroed at 0.
            seed: Seed of the dropout.
        """
        if not 0 <= dropout < 1:
            raise InputError("dropout", received=dropout, expected="within 0 and 1")
        self.dropout, self._dropout_seed = float(dropout), seed
        self._keep("_seed", keras.random.SeedGenerator(seed) if dropout else None)

    @property
    def in_training(self) -> dict[str, Any]:
        """What `freeze` and `drop` set, JSON-ready; empty if nothing."""
        found: dict[str, Any] = {}
        if self.frozen is not None:
            found["frozen"] = self.frozen.get_config()
        if self.dropout:
            found["dropout"] = {"dropout": self.dropout, "seed": self._dropout_seed}
        return found

    def set_in_training(self, settings: Mapping[str, Any]) -> None:
        """Freezes and drops as `in_training` said of another table.

        Args:
            settings: That.
        """
        if "frozen" in settings:
            self.freeze(FrozenRows(**settings["frozen"]))
        if "dropout" in settings:
            self.drop(**settings["dropout"])

    def gather(self, ids: Tensor) -> Tensor:
        """Rows `(*ids.shape, dim)` as they are stored."""
        if self.storage is not None:
            return self.storage.gather(ids)
        return gather_rows(self.embeddings.value, ids, self.frozen)

    def _keep(self, name: str, seeds: keras.random.SeedGenerator | None) -> None:
        """Makes a seed one of the layer's variables: a built layer takes no others."""
        self._tracker.unlock()
        setattr(self, name, seeds)
        if self.built:
            self._tracker.lock()

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
