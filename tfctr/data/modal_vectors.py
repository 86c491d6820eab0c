"""Vectors of items from a file, in the order of the items' vocabulary."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfctr.data.cells import Array
from tfctr.errors import InputError

if TYPE_CHECKING:
    from tfctr.features import SchemaState

__all__ = ["check_whole", "vectors_by_row"]

# Rows that are read at a time: files are larger than what is kept of them.
CHUNK = 65_536


def vectors_by_row(
    state: "SchemaState", ids: Sequence[Any] | Array, vectors: Any
) -> Array:
    """One row for each row of the items' vocabulary, NaN where there is no vector.

    Args:
        state: What was learnt from the data: its vocabulary gives items their rows.
        ids: Raw ids of the items, each once, `(items,)`.
        vectors: Their vectors, `(items, width)`; may be a memory-mapped file. One of
            NaN or zeros is missing.

    Returns:
        float32 `(rows, width)`. Ids that the vocabulary lacks are left out:
        their items have no row.

    Raises:
        InputError: Another number of vectors than of ids, an id twice, a vector that
            is not finite in part, or no id that the vocabulary has; or a hashed
            vocabulary, in which rows are no items.
    """
    made = np.asarray(vectors)
    if made.ndim != 2 or len(made) != len(ids):
        raise InputError(
            "vectors",
            received=f"shape {made.shape} for {len(ids)} ids",
            expected="one vector for each id",
        )
    name, row_of = _rows(state)
    places = [row_of.get(str(one)) for one in ids]
    known = np.array([place is not None for place in places], bool)
    rows = np.array([place for place in places if place is not None], "int64")
    if len(np.unique(rows)) < len(rows):
        raise InputError("ids", received="an item twice", expected="each item once")
    if not known.any():
        raise InputError(
            "ids",
            received=f"{len(ids)} ids such as {list(ids[:3])}",
            expected=f"some of vocabulary {name}, such as {list(row_of)[:3]}",
        )
    found = np.full((state.schema.size(name), made.shape[1]), np.nan, "float32")
    chosen = np.flatnonzero(known)
    for start in range(0, len(chosen), CHUNK):
        part = slice(start, start + CHUNK)
        taken = made[chosen[part]]
        check_whole([ids[place] for place in chosen[part]], taken)
        found[rows[part]] = taken
    return found


def check_whole(ids: Sequence[Any] | Array, vectors: Array) -> None:
    """Refuses vectors that are neither numbers alone nor NaN alone.

    Args:
        ids: Ids of the items, for the error.
        vectors: Their vectors, `(items, width)`.
    """
    for start in range(0, len(vectors), CHUNK):
        part = vectors[start : start + CHUNK]
        whole = np.isfinite(part).all(axis=1) | np.isnan(part).all(axis=1)
        for place in np.flatnonzero(~whole)[:1]:
            raise InputError(
                "vectors",
                received=f"NaN or infinity in the vector of item {ids[start + place]}",
                expected="finite numbers, or NaN alone where the vector is missing",
            )


def _rows(state: "SchemaState") -> tuple[str, dict[str, int]]:
    """The items' vocabulary, and the row of each of its values."""
    schema = state.schema
    feature: Any = schema.column(str(schema.item_id)).feature
    vocabulary = schema.vocabulary(feature.vocabulary)
    if vocabulary.is_fingerprinted or vocabulary.num_hash_buckets is not None:
        raise InputError(
            f"vocabulary {vocabulary.name}",
            received="hashed ids",
            expected="a learnt or fixed vocabulary, in which a row is one item",
        )
    first = 1 + vocabulary.num_oov
    values = state.values(vocabulary.name)
    return vocabulary.name, {value: first + k for k, value in enumerate(values)}
