"""Checks of the raw tables before anything is made from them."""

import difflib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tfctr.data.behaviour import BehaviourSpec, Source, example_sources
from tfctr.data.cells import Array, Cells, bad_cell, clean, seconds_of
from tfctr.data.labels import check_classes, check_rules, label_values
from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.features.specs import Feature

__all__ = [
    "Tables",
    "check_columns",
    "check_events",
    "check_keys",
    "check_not_future",
    "check_tables",
    "check_unique",
]


@dataclass(frozen=True)
class Tables:
    """Raw tables after their checks, each column in one form (see `cells.clean`).

    Attributes:
        times: int64 seconds of each event, `(events,)`.
        labels: float32 `(events,)` by label.
        weights: float32 `(events,)` by weight column.
        user_of: User id of each event, `(events,)`.
        item_of: Item id of each event, `(events,)`.
        users: Ids of the user table, `(users,)`; empty without one.
        items: Ids of the item table, `(items,)`; empty without one.
        sources: Where each raw column of the schema comes from.
        columns: The cleaned column behind each raw column, as long as its table.
    """

    times: Array
    labels: Mapping[str, Array]
    weights: Mapping[str, Array]
    user_of: Array
    item_of: Array
    users: Array
    items: Array
    sources: Mapping[str, Source]
    columns: Mapping[str, Array]


def check_tables(
    events: pd.DataFrame,
    users: pd.DataFrame | None,
    items: pd.DataFrame | None,
    schema: FeatureSchema,
    spec: BehaviourSpec,
    *,
    now: int | None = None,
) -> Tables:
    """Checks raw tables against a schema and a behaviour spec.

    Args:
        events: One row for each event, in any order.
        users: One row for each user, or `None` if the schema needs only their ids.
        items: One row for each item, or `None` if the schema needs only their ids.
        schema: What the tables must hold.
        spec: Names of keys, and the label rules.
        now: Seconds since 1970; later events are refused. The clock's by default.

    Returns:
        The tables in one form.

    Raises:
        InputError: Names the column, the row and value that came, what was expected.
    """
    check_rules(schema, spec)
    times, labels, weights = check_events(events, schema, spec, now=now)
    frames = {"event": events}
    for table, frame, key in (
        ("user", users, spec.user_key),
        ("item", items, spec.item_key),
    ):
        if frame is not None:
            check_keys(frame, (key,), f"{table}s")
            check_unique(frame, key, f"{table}s")
        empty = pd.DataFrame({key: pd.Series(dtype=object)})
        frames[table] = empty if frame is None else frame
    sources = example_sources(schema, spec, events, frames["item"])
    user, item = (schema.column(n).feature for n in (schema.user_id, schema.item_id))
    return Tables(
        times,
        labels,
        weights,
        _ids(user, events[spec.user_key], "events"),
        _ids(item, events[spec.item_key], "events"),
        _ids(user, frames["user"][spec.user_key], "users"),
        _ids(item, frames["item"][spec.item_key], "items"),
        sources,
        _clean_columns(schema, sources, frames, {spec.time_key: times}),
    )


def check_events(
    events: pd.DataFrame,
    schema: FeatureSchema,
    spec: BehaviourSpec,
    *,
    now: int | None = None,
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Checks keys, times and labels of the event table.

    Returns:
        int64 times `(events,)`; float32 labels and weights `(events,)` by name.
    """
    check_keys(events, (spec.user_key, spec.item_key), "events")
    weights = schema.label_columns()[len(schema.labels) :]
    columns = [rule.column for rule in spec.labels.values()]
    check_columns(events, [spec.time_key, *columns, *weights], "events")
    times = seconds_of(events[spec.time_key], "events")
    check_not_future(events, times, spec, now)
    labels = {n: label_values(r, events[r.column]) for n, r in spec.labels.items()}
    check_classes(schema, labels, spec)
    return times, labels, {name: _weights(events, name) for name in weights}


def check_columns(frame: pd.DataFrame, names: Iterable[str], table: str) -> None:
    """Refuses a table without rows, or without one of the columns."""
    if not len(frame):
        raise InputError(table, received="no rows", expected="at least one row")
    for name in names:
        if name not in frame:
            columns = [str(column) for column in frame]
            near = difflib.get_close_matches(name, columns, n=1)
            raise InputError(
                name,
                received=f"{table} with the columns {', '.join(columns)}",
                expected="a column of that name",
                hint=f"Did you mean {near[0]!r}?" if near else "",
            )


def check_keys(frame: pd.DataFrame, keys: Iterable[str], table: str) -> None:
    """Refuses a table without rows, or with a missing value in a key column."""
    keys = list(keys)
    check_columns(frame, keys, table)
    for key in keys:
        missing = np.asarray(frame[key].isna() | (frame[key] == ""), bool)
        for row in np.flatnonzero(missing)[:1]:
            raise bad_cell(frame[key], int(row), table, "an id in every row")


def check_unique(frame: pd.DataFrame, key: str, table: str) -> None:
    """Refuses a table in which two rows have the same id."""
    again = np.flatnonzero(frame[key].duplicated())
    if len(again):
        value = frame[key].iloc[int(again[0])]
        first = int(np.flatnonzero(frame[key] == value)[0])
        raise InputError(
            key,
            received=f"{value!r} in rows {first} and {again[0]} of {table}",
            expected="one row for each id",
        )


def check_not_future(
    events: pd.DataFrame, times: Array, spec: BehaviourSpec, now: int | None = None
) -> None:
    """Refuses events later than `now`, which is the clock's time by default."""
    limit = int(time.time()) if now is None else now
    for row in np.flatnonzero(times > limit)[:1]:
        raise bad_cell(
            events[spec.time_key], int(row), "events", f"a time up to now, {limit}"
        )


def _weights(events: pd.DataFrame, name: str) -> Array:
    cells = events[name]
    weights = pd.to_numeric(cells, errors="coerce").to_numpy("float32", na_value=np.nan)
    for row in np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[:1]:
        raise bad_cell(cells, int(row), "events", "a weight of at least 0")
    return np.asarray(weights)


def _ids(feature: Feature, cells: Cells, table: str) -> Array:
    """Ids in the declared type; -1 stands for a missing one, so none may have it."""
    ids = clean(feature, cells, table)
    if ids.dtype.kind == "i":
        for row in np.flatnonzero(ids < 0)[:1]:
            raise bad_cell(cells, int(row), table, "an id of at least 0")
    return ids


def _clean_columns(
    schema: FeatureSchema,
    sources: Mapping[str, Source],
    frames: Mapping[str, pd.DataFrame],
    times: Mapping[str, Array],
) -> dict[str, Array]:
    """The cleaned column behind each raw column; each is cleaned once."""
    done: dict[tuple[Source, Feature], Array] = {
        (source, schema.column(name).feature): times[source.column]
        for name, source in sources.items()
        if source.table == "event" and source.column in times
    }
    columns = {}
    for name, source in sources.items():
        frame, feature = frames[source.table], schema.column(name).feature
        key = (source, feature)
        if key not in done:
            if source.column not in frame:
                check_columns(frame.reindex([0]), [source.column], f"{source.table}s")
            done[key] = clean(feature, frame[source.column], f"{source.table}s")
        columns[name] = done[key]
    return columns
