"""Which raw table and column each column of an example comes from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from tfctr.features import FeatureSchema

__all__ = ["Source", "example_sources"]


@dataclass(frozen=True)
class Source:
    """A column of a raw table.

    Args:
        table: `"event"`, `"user"` or `"item"`.
        column: Name of the column there.
    """

    table: str
    column: str


class _Keys(Protocol):
    @property
    def user_key(self) -> str: ...
    @property
    def item_key(self) -> str: ...
    @property
    def time_key(self) -> str: ...


def example_sources(
    schema: FeatureSchema,
    spec: _Keys,
    event_columns: Iterable[str],
    item_columns: Iterable[str],
) -> dict[str, Source]:
    """Source of each raw column of `schema`, by the column's name.

    Ids and the request's time come from the event's keys, other user features from
    the user table, other item features from the item table, context from the event.
    A feature of past events comes from the item table where it is an item feature, or
    where only the item table has a column of its name; else from the past event.

    Args:
        schema: The declaration.
        spec: A `BehaviourSpec`; has the names of the keys.
        event_columns: Columns of the event table.
        item_columns: Columns of the item table.

    Returns:
        One source for each of `schema.raw_columns()`.
    """
    of_events, of_items = set(event_columns), set(item_columns)
    item_features = {feature.name for feature in schema.item}
    sources = {}
    for column in schema.raw_columns():
        name, table = column.feature.name, column.role
        if table == "context":
            table = "event"
        elif table == "sequence":
            in_items = name in item_features or name not in of_events
            table = "item" if in_items and name in of_items else "event"
        is_request_time = column.role == "context" and name == schema.timestamp
        sequence = column.sequence
        is_event_time = sequence is not None and column.feature == sequence.timestamp
        if column.role == "user" and name == schema.user_id:
            source = Source("event", spec.user_key)
        elif column.role in ("item", "sequence") and name == schema.item_id:
            source = Source("event", spec.item_key)
        elif is_request_time or is_event_time:
            source = Source("event", spec.time_key)
        else:
            source = Source(table, name)
        sources[column.name] = source
    return sources
