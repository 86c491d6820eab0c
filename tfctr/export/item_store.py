"""All items of a deployment: their ids, encoded features and stored vectors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.export.fingerprint import checkpoint_fingerprint
from tfctr.features import FeatureSchema, SchemaState, frame_to_arrays
from tfctr.features.encoding import text_values
from tfctr.models import PreRankingModel
from tfctr.types import Tensor

__all__ = ["ItemStore", "ItemTable", "item_table"]

UNKNOWN_ITEM = "\x1funknown item\x1f"


class ItemTable:
    """Items in memory, ready to be stored.

    Args:
        item_ids: Text of each item's id; row 0 stands for items that the store lacks.
        encoded: Encoded item columns `(1 + items, ...)` by name.
        stored: What the pre-ranking model keeps of each item, `(1 + items, ...)`, in
            the dtypes in which they will be served.
        fingerprint: Of the checkpoint that made `stored`; empty if there is none.
    """

    def __init__(
        self,
        item_ids: list[str],
        encoded: Mapping[str, np.ndarray],
        stored: Mapping[str, np.ndarray],
        fingerprint: str = "",
    ) -> None:
        self.item_ids = item_ids
        self.encoded = dict(encoded)
        self.stored = dict(stored)
        self.fingerprint = fingerprint

    @property
    def num_bytes(self) -> dict[str, int]:
        """Bytes of the encoded features together, and of each stored tensor."""
        features = sum(values.nbytes for values in self.encoded.values())
        return {"features": features, **{n: v.nbytes for n, v in self.stored.items()}}


def item_table(
    state: SchemaState,
    items: Any,
    pre_ranking: PreRankingModel | None = None,
    *,
    batch_size: int = 4096,
    fingerprint: str | None = None,
) -> ItemTable:
    """Encodes all items, in batches.

    Args:
        state: What was learnt.
        items: A `pandas.DataFrame` with the raw item columns, one row an item.
        pre_ranking: Model whose `encode_items` gives what is stored, if any.
        batch_size: Items encoded at a time.
        fingerprint: That of `pre_ranking`, for callers that encode items in parts; it
            is computed if not given.

    Returns:
        The table. Its first row is an item of which only is known that it is unknown.

    Raises:
        InputError: Two items have one id, or an item has none.
    """
    schema = state.schema
    raw = frame_to_arrays(schema, items, ["item"])
    ids = [v.decode() for v in text_values(_tensor(raw[schema.item_id])).numpy()]
    _check_ids(schema, ids)
    raw = {name: _with_unknown(schema, name, values) for name, values in raw.items()}
    encoded: dict[str, list[np.ndarray]] = {}
    stored: dict[str, list[np.ndarray]] = {}
    for start in range(0, 1 + len(ids), batch_size):
        batch = {n: _tensor(v[start : start + batch_size]) for n, v in raw.items()}
        features = state.encode(batch)
        _append(encoded, features)
        if pre_ranking is not None:
            _append(stored, pre_ranking.encode_items(features))
    if fingerprint is None and pre_ranking is not None:
        fingerprint = checkpoint_fingerprint(pre_ranking, state)
    return ItemTable(
        [UNKNOWN_ITEM, *ids],
        {name: np.concatenate(parts) for name, parts in encoded.items()},
        {name: np.concatenate(parts) for name, parts in stored.items()},
        fingerprint or "",
    )


class ItemStore(tf.Module):
    """The item table inside a SavedModel: rows by id, features and vectors by row.

    Args:
        table: The items.
        folder: Folder for the file of ids, which becomes an asset.
        with_ids: Whether ids can be asked for by row, which takes as much memory again
            as rows by id.

    Attributes:
        count: Number of items, the unknown one left out.
    """

    def __init__(
        self, table: ItemTable, folder: str | Path, *, with_ids: bool = False
    ) -> None:
        super().__init__()
        path = Path(folder) / "item_ids.txt"
        lines = "".join(f"{item}\n" for item in table.item_ids)
        path.write_text(lines, encoding="utf-8", newline="")
        index = tf.lookup.TextFileIndex
        line, number = index.WHOLE_LINE, index.LINE_NUMBER
        source = (str(path), tf.string, line, tf.int64, number)
        rows = tf.lookup.TextFileInitializer(*source)
        self._rows = tf.lookup.StaticHashTable(rows, 0)
        self._ids: tf.lookup.StaticHashTable | None = None
        if with_ids:
            source = (str(path), tf.int64, number, tf.string, line)
            ids = tf.lookup.TextFileInitializer(*source)
            self._ids = tf.lookup.StaticHashTable(ids, UNKNOWN_ITEM)
        self.count = len(table.item_ids) - 1
        self._encoded = _variables(table.encoded)
        self._stored = _variables(table.stored)

    def rows(self, item_ids: Tensor) -> Tensor:
        """int64 rows of text ids; 0 for those that the store lacks."""
        return self._rows.lookup(item_ids)

    def encoded(self, rows: Tensor) -> dict[str, Tensor]:
        """Encoded item features of rows."""
        return {name: tf.gather(v, rows) for name, v in self._encoded.items()}

    def stored(self, rows: Tensor) -> dict[str, Tensor]:
        """What the pre-ranking model stored of rows."""
        return {name: tf.gather(v, rows) for name, v in self._stored.items()}

    def all_stored(self, name: str) -> Tensor:
        """What is stored under `name`, of all rows; row 0 is the unknown item."""
        return tf.convert_to_tensor(self._stored[name])

    def item_ids(self, rows: Tensor) -> Tensor:
        """Text ids of rows; needs `with_ids`."""
        if self._ids is None:
            raise InputError("with_ids", received=False, expected="True")
        return self._ids.lookup(tf.cast(rows, tf.int64))


def _tensor(values: np.ndarray) -> Tensor:
    dtype = tf.string if values.dtype == object else None
    return tf.constant(values, dtype)


def _variables(arrays: Mapping[str, np.ndarray]) -> dict[str, tf.Variable]:
    return {n: tf.Variable(v, trainable=False, name=n) for n, v in arrays.items()}


def _append(parts: dict[str, list[np.ndarray]], batch: Mapping[str, Tensor]) -> None:
    for name, value in batch.items():
        parts.setdefault(name, []).append(np.asarray(value))


def _with_unknown(schema: FeatureSchema, name: str, values: np.ndarray) -> np.ndarray:
    """Puts the unknown item in front: a foreign id, all else missing."""
    missing: Any = schema.column(name).missing
    if name == schema.item_id:
        missing = UNKNOWN_ITEM if values.dtype == object else np.iinfo("int64").min
    first = np.full((1, *values.shape[1:]), missing, values.dtype)
    return np.concatenate([first, values])


def _check_ids(schema: FeatureSchema, ids: list[str]) -> None:
    if not ids:
        raise InputError("items", received="no rows", expected="at least one item")
    seen: set[str] = set()
    for row, item in enumerate(ids):
        if not item or set(item) & {"\n", "\r"}:
            raise InputError(
                schema.item_id,
                received=f"{item!r} in row {row}",
                expected="an id that is not missing and has no line break",
            )
        if item in seen:
            raise InputError(
                schema.item_id,
                received=f"{item!r} twice, again in row {row}",
                expected="one row an item",
            )
        seen.add(item)
