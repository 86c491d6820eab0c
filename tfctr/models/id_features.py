"""Which features of a schema are ids, and how their values are told apart."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, Column, FeatureSchema
from tfctr.layers.embedding.hashing import hashed_rows
from tfctr.types import Tensor

__all__ = [
    "check_positives",
    "counter_rows",
    "counters",
    "inputs_needed",
    "row_weights",
    "side_columns",
]

# Counters of a hashed id whose vocabulary gives it no row of its own.
NUM_HASHES = 2


def side_columns(
    schema: FeatureSchema, user: Sequence[str], item: Sequence[str]
) -> list[Column]:
    """The columns of both sides, user first.

    Args:
        schema: The schema.
        user: Names of categorical columns of user, context or history.
        item: Names of categorical columns of the item.

    Raises:
        UnknownName: No categorical column of that side has the name.
        InputError: A name comes twice, or items have lists of ids alone.
    """
    columns = []
    roles = {"user_features": ("user", "context", "sequence"), "item_features": "item"}
    for argument, names in (("user_features", user), ("item_features", item)):
        known = {
            column.name: column
            for column in schema.encoded_columns()
            if column.role in roles[argument]
            and isinstance(column.feature, Categorical)
        }
        for name in names:
            if name not in known:
                raise UnknownName(argument, name, known)
        if len(set(names)) < len(names):
            raise InputError(argument, received=names, expected="each name once")
        columns += [known[name] for name in names]
    first = schema.item_id if schema.item_id in item else item[0]
    if columns[len(user) + list(item).index(first)].shape:
        raise InputError(
            "item_features",
            received=f"a list of values, {first!r}, as the first",
            expected="a single id first, by which items are the same",
        )
    return columns


def inputs_needed(columns: Iterable[Column]) -> list[str]:
    """Names of encoded inputs from which columns can be embedded.

    Args:
        columns: The columns; which events of a sequence are real, its first says.
    """
    names: dict[str, None] = {}
    for column in columns:
        names[column.name] = None
        if column.sequence is not None:
            names[f"{column.sequence.name}_{column.sequence.features[0].name}"] = None
    return list(names)


def counter_rows(schema: FeatureSchema, feature: str) -> int:
    """Number of counters that `counters` chooses from.

    Args:
        schema: The schema, with sizes.
        feature: Name of an id feature.
    """
    return schema.size(_vocabulary(schema, feature))


def counters(schema: FeatureSchema, feature: str, ids: Tensor) -> Tensor:
    """Counters of ids: `(n,)` rows, or `(n, 2)` of hashed ids without rows.

    Args:
        schema: The schema, with sizes.
        feature: Name of the id feature.
        ids: `(n,)` encoded ids.
    """
    vocabulary = schema.vocabulary(_vocabulary(schema, feature))
    if not vocabulary.is_fingerprinted:
        return ids
    rows = counter_rows(schema, feature)
    return hashed_rows(ids, rows, NUM_HASHES, f"{vocabulary.name}/counters")


def check_positives(positives: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuses positives in which an id feature has no value at all.

    Args:
        positives: Encoded arrays by name.
        names: Names of the id features.
    """
    for name in names:
        values = positives.get(name)
        if values is not None and not np.any(np.asarray(values)):
            raise InputError(
                name,
                received="positives in which it is always missing",
                expected="a value in some of them",
                hint="Leave the feature out, or give positives that have it.",
            )


def row_weights(schema: FeatureSchema, scores: Tensor, y: Any, weights: Any) -> Tensor:
    """Weights `(batch,)` of rows as positives.

    Args:
        schema: Its first label says which rows are positives.
        scores: `(batch,)`.
        y: Labels by name, if given.
        weights: Weights of rows, or by label, if given.
    """
    found = ops.ones_like(scores)
    label = schema.labels[0].name
    for given in (y, weights):
        if given is not None:
            value = given[label] if isinstance(given, Mapping) else given
            found = found * ops.cast(ops.reshape(value, (-1,)), "float32")
    return found


def _vocabulary(schema: FeatureSchema, feature: str) -> str:
    found: Any = schema.column(feature).feature
    return str(found.vocabulary)
