"""Smaller tables for serving: bfloat16, or int8 with a scale for each row."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfctr.errors import InputError, UnknownName
from tfctr.layers import EmbeddingTable
from tfctr.types import Tensor

__all__ = [
    "TABLE_FORMATS",
    "BFloat16Rows",
    "Int8Rows",
    "ServedTables",
    "quantize_rows",
]

TABLE_FORMATS = ("float32", "bfloat16", "int8")
LARGEST = 127
# Up to this width two bytes a number are no more than one and a scale for the row.
NARROW = 4
# Rows quantised at a time, so that no second float copy of a large table is made.
ROWS_AT_ONCE = 1 << 20


class BFloat16Rows(tf.Module):
    """A table in half the bytes; each number keeps 8 significant bits.

    Args:
        table: `(rows, dim)` floats.
    """

    def __init__(self, table: Any) -> None:
        super().__init__()
        rows = np.empty(table.shape, tf.bfloat16.as_numpy_dtype)
        for part, values in _parts(table):
            rows[part] = values
        self.rows = tf.Variable(rows, trainable=False, name="rows")

    def gather(self, ids: Tensor) -> Tensor:
        """Float32 rows `(*ids.shape, dim)`."""
        return tf.cast(tf.gather(self.rows, ids), tf.float32)


class Int8Rows(tf.Module):
    """A table in a quarter of the bytes, and 4 for each row: see `quantize_rows`.

    Args:
        table: `(rows, dim)` floats.
    """

    def __init__(self, table: Any) -> None:
        super().__init__()
        rows = np.empty(table.shape, np.int8)
        scales = np.empty(table.shape[:1], np.float32)
        for part, values in _parts(table):
            rows[part], scales[part] = quantize_rows(values)
        self.rows = tf.Variable(rows, trainable=False, name="rows")
        self.scales = tf.Variable(scales, trainable=False, name="scales")

    def gather(self, ids: Tensor) -> Tensor:
        """Float32 rows `(*ids.shape, dim)`; only these are de-quantised."""
        rows = tf.cast(tf.gather(self.rows, ids), tf.float32)
        return rows * tf.gather(self.scales, ids)[..., None]


class ServedTables(tf.Module):
    """All embedding tables of some models, in the form in which they are served.

    The models' own weights stay as they are. Among int8 tables, those of up to 4
    columns are bfloat16: no larger, and more exact.

    Args:
        models: The models, built.
        table_format: One of `TABLE_FORMATS`.
    """

    def __init__(self, models: Iterable[keras.Model], table_format: str) -> None:
        super().__init__()
        if table_format not in TABLE_FORMATS:
            raise UnknownName("table_format", table_format, TABLE_FORMATS)
        tables = _tables(models)
        # Past the tracking of TensorFlow, which knows no Keras layers.
        self._replaced = _Untracked(tables if table_format != "float32" else [])
        self.tables: list[BFloat16Rows | Int8Rows] = []
        for layer in self._replaced.layers:
            is_int8 = table_format == "int8" and layer.dim > NARROW
            kind = Int8Rows if is_int8 else BFloat16Rows
            self.tables.append(kind(layer.embeddings.value))
        kept = [] if self._replaced.layers else tables
        arrays = [table.embeddings.value for table in kept]
        arrays += [variable for table in self.tables for variable in table.variables]
        self.num_bytes = sum(v.dtype.size * int(np.prod(v.shape)) for v in arrays)

    @property
    def replaced(self) -> set[int]:
        """Identities of the models' variables for which these tables stand."""
        return {id(layer.embeddings) for layer in self._replaced.layers}

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Lets the models read these tables; what is traced here keeps reading them."""
        before = [layer.storage for layer in self._replaced.layers]
        try:
            for layer, table in zip(self._replaced.layers, self.tables, strict=True):
                layer.storage = table
            yield
        finally:
            for layer, storage in zip(self._replaced.layers, before, strict=True):
                layer.storage = storage


def quantize_rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row as whole numbers from -127 to 127 and one scale.

    Symmetric, rounded to nearest: `|table - scale * rows| <= scale / 2`, with
    `scale = max |row| / 127`. A row of zeros stays one.

    Args:
        table: `(rows, dim)` floats.

    Returns:
        int8 `(rows, dim)` and float32 scales `(rows,)`.

    Raises:
        InputError: A number is not finite.

    >>> rows, scales = quantize_rows(np.array([[0.5, -1.27, 0.004]]))
    >>> rows.tolist(), round(float(scales[0]), 6)
    ([[50, -127, 0]], 0.01)
    """
    table = np.asarray(table, np.float32)
    wrong = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(wrong):
        raise InputError(
            "table", received=f"{table[wrong[0]]} in a row", expected="finite numbers"
        )
    scales = np.abs(table).max(axis=1, initial=0.0) / np.float32(LARGEST)
    divisors = np.where(scales > 0, scales, np.float32(1))[:, None]
    rows = np.clip(np.rint(table / divisors), -LARGEST, LARGEST)
    return rows.astype(np.int8), scales


class _Untracked:
    """Holds Keras layers outside of TensorFlow's object graph."""

    def __init__(self, layers: list[EmbeddingTable]) -> None:
        self.layers = layers


def _tables(models: Iterable[keras.Model]) -> list[EmbeddingTable]:
    found = {
        id(layer): layer
        for model in models
        for layer in model._flatten_layers(include_self=False, recursive=True)
        if isinstance(layer, EmbeddingTable)
    }
    return list(found.values())


def _parts(table: Any) -> Iterator[tuple[slice, np.ndarray]]:
    """Float32 pieces of a table and where they lie."""
    for start in range(0, table.shape[0], ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        yield part, np.asarray(tf.cast(table[part], tf.float32))
