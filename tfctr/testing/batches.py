"""Random encoded data of a schema, with something to learn in it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfctr.features import (
    GROUP_ID,
    Categorical,
    Column,
    FeatureSchema,
    Timestamp,
    Vector,
)
from tfctr.features.specs import CALENDAR_UNITS

__all__ = ["make_batch"]

FIRST_SECOND = 1_600_000_000
LAST_SECOND = 1_700_000_000


def make_batch(
    schema: FeatureSchema, size: int, *, seed: int = 0
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Random rows as models get them, and labels that depend on the item's id.

    Ids are spread over the whole vocabulary, missing and unknown ones among them;
    histories have any length from 0 to the longest.

    Args:
        schema: The schema, with sizes.
        size: Number of rows.
        seed: Seed of the data.

    Returns:
        `x`: encoded tensors `(size, ...)` by name, and `group_id`.
        `y`: float32 labels `(size,)` by name, both classes in each.

    >>> from tfctr.features import FeatureSchema, Label
    >>> schema = FeatureSchema(
    ...     user=[Categorical("user_id")], item=[Categorical("item_id")],
    ...     labels=[Label("click")], user_id="user_id", item_id="item_id",
    ...     sizes={"user_id": 5, "item_id": 9})
    >>> x, y = make_batch(schema, 4)
    >>> sorted(x), sorted(y)
    (['group_id', 'item_id', 'user_id'], ['click'])
    """
    rng = np.random.default_rng(seed)
    lengths = {
        sequence.name: rng.integers(0, sequence.max_length + 1, size)
        for sequence in schema.sequences
    }
    x = {}
    for column in schema.encoded_columns():
        values = _draw(schema, column, size, rng)
        if column.sequence is not None:
            _end(values, column, lengths[column.sequence.name])
        x[column.name] = values
    x[GROUP_ID] = x[schema.user_id].astype("int64")

    ids = x[schema.item_id]
    y = {}
    for place, label in enumerate(schema.labels):
        # Half of all ids are liked, another half for each label.
        liked = (ids + place) % 2 == 0
        chance = np.where(liked, 0.85, 0.15)
        values = (rng.random(size) < chance).astype("float32")
        values[:2] = (0.0, 1.0)[: len(values[:2])]
        if label.is_value:
            values *= rng.lognormal(1.0, 0.5, size).astype("float32")
        y[label.name] = values
    return x, y


def _draw(
    schema: FeatureSchema, column: Column, size: int, rng: np.random.Generator
) -> NDArray[Any]:
    shape = (size, *column.shape)
    if isinstance(column.feature, Categorical):
        rows = schema.size(column.feature.vocabulary)
        values = rng.integers(0, rows, shape).astype("int32")
        is_marker = (
            column.sequence is not None
            and column.feature is column.sequence.features[0]
        )
        # The first feature of a real event is never missing.
        return np.maximum(values, 1) if is_marker else values
    if isinstance(column.feature, Timestamp):
        if column.dtype == "int64":
            return rng.integers(FIRST_SECOND, LAST_SECOND, shape)
        unit = column.name.rsplit("_", 1)[1]
        return rng.integers(0, CALENDAR_UNITS[unit] + 1, shape).astype("int32")
    values = rng.normal(size=shape).astype("float32")
    if isinstance(column.feature, Vector):
        values[3::8] = 0  # some are missing
    return values


def _end(values: NDArray[Any], column: Column, lengths: NDArray[Any]) -> None:
    """Makes the events after each row's length missing."""
    padding = np.arange(values.shape[1])[None] >= lengths[:, None]
    values[padding] = -1 if column.dtype == "int64" else 0
