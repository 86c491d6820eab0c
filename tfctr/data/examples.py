"""Raw examples from tables of events, users and items, in memory."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from tfctr.data.behaviour import SPLITS, BehaviourSpec, split_boundaries
from tfctr.data.cells import Array, as_objects
from tfctr.data.log import Candidates, EventLog, Requests
from tfctr.data.validation import Tables, check_columns, check_tables
from tfctr.features import FeatureSchema
from tfctr.features.columns import Column
from tfctr.features.specs import Categorical, Vector

__all__ = ["build_examples", "places_of", "split_by_time", "take_rows"]


def build_examples(
    events: pd.DataFrame,
    users: pd.DataFrame | None,
    items: pd.DataFrame | None,
    schema: FeatureSchema,
    spec: BehaviourSpec,
    *,
    now: int | None = None,
    candidates: Candidates | None = None,
    keep: Iterable[str] = (),
) -> dict[str, pd.DataFrame]:
    """Makes one raw example of each event, and negatives, split by global time.

    A user or item that the tables lack gets missing values for its features; how many
    examples that concerns is in `frame.attrs` (`unknown_users`, `unknown_items`).

    Args:
        events: One row for each event, in any order.
        users: One row for each user; `None` if the schema needs only their ids.
        items: One row for each item; `None` if the schema needs only their ids.
        schema: What an example holds.
        spec: How examples are made; see `BehaviourSpec`.
        now: Seconds since 1970; later events are refused. The clock's by default.
        candidates: From a time to the items, sorted, that negatives are drawn from;
            all items of the item table (without one, of the log) by default.
        keep: Event columns to carry along beside those of the schema.

    Returns:
        Frames by split with the schema's raw columns, labels and weights (float32),
        ordered by time, user and item. Cells of histories and multi-valued columns are
        arrays or lists.

    Raises:
        InputError: A table does not hold what is declared.
    """
    keep = tuple(keep)
    check_columns(events, keep, "events")
    tables = check_tables(events, users, items, schema, spec, now=now)
    log = EventLog(events, tables, spec)
    requests = log.requests(candidates)
    rows = _Rows(log, tables, requests)
    columns = {column.name: rows.feature(column) for column in schema.raw_columns()}
    columns |= rows.labels()
    chosen = log.order[requests.places]
    columns |= {name: events[name].to_numpy()[chosen] for name in keep}
    frame = pd.DataFrame(columns, copy=False)
    ends = (0, *requests.limits, len(frame))
    parts = {}
    for name, start, end in zip(SPLITS, ends, ends[1:], strict=False):
        parts[name] = frame.iloc[start:end].reset_index(drop=True)
        parts[name].attrs.update(rows.unknown(start, end))
    return parts


def split_by_time(
    examples: pd.DataFrame, spec: BehaviourSpec
) -> dict[str, pd.DataFrame]:
    """Examples of a table of one's own by split, in the order of their times.

    Args:
        examples: Rows in the order of their times.
        spec: Has the name of the times and the shares of the splits.
    """
    times = examples[spec.time_key].to_numpy()
    boundaries = split_boundaries(times.tolist(), spec)
    start, *ends = (int(row) for row in np.searchsorted(times, boundaries))
    parts = {}
    for name, end in zip(SPLITS, (*ends, len(examples)), strict=True):
        parts[name] = examples.iloc[start:end].reset_index(drop=True)
        start = end
    return parts


class _Rows:
    """Columns of the examples: a place in the log, a user, an item for each."""

    def __init__(self, log: EventLog, tables: Tables, requests: Requests) -> None:
        self.log, self.tables, self.requests = log, tables, requests
        self.user_rows = places_of(tables.users, log.users)
        self.item_rows = places_of(tables.items, log.items)
        self.users = self.user_rows[requests.places]
        self.items = places_of(tables.items, requests.items)
        self._histories: dict[int, list[tuple[int, int]]] = {}

    def feature(self, column: Column) -> Array:
        """Cells of one raw column."""
        values, table = self._source(column)
        if column.sequence is not None:
            places = {"event": self.log.order, "item": self.item_rows}[table]
            return self._history(take_rows(values, places, column), column)
        if table == "event" and column.role == "item":
            return self.requests.items
        places = {
            "event": self.log.order[self.requests.places],
            "user": self.users,
            "item": self.items,
        }[table]
        cells = take_rows(values, places, column)
        return cells if cells.ndim == 1 else as_objects(list(cells))

    def labels(self) -> dict[str, Array]:
        """Labels and weights; a negative has labels 0 and weight 1."""
        events = self.log.order[self.requests.places]
        columns = {}
        for default, group in ((0, self.tables.labels), (1, self.tables.weights)):
            for name, values in group.items():
                cells = np.where(self.requests.negative, default, values[events])
                columns[name] = cells.astype("float32")
        return columns

    def unknown(self, start: int, end: int) -> dict[str, int]:
        """How many of the examples have a user, an item that the tables lack."""
        return {
            "unknown_users": int((self.users[start:end] < 0).sum()),
            "unknown_items": int((self.items[start:end] < 0).sum()),
        }

    def _source(self, column: Column) -> tuple[Array, str]:
        return (
            self.tables.columns[column.name],
            self.tables.sources[column.name].table,
        )

    def _history(self, steps: Array, column: Column) -> Array:
        length = column.shape[0]
        if length not in self._histories:
            starts, ends = self.log.histories(length)
            places = self.requests.places
            bounds = zip(starts[places].tolist(), ends[places].tolist(), strict=True)
            self._histories[length] = list(bounds)
        return as_objects([steps[start:end] for start, end in self._histories[length]])


def places_of(table: Array, ids: Array) -> Array:
    """Row of each id in a table, -1 for those that it lacks."""
    return np.asarray(pd.Index(table).get_indexer(pd.Index(ids)))


def take_rows(values: Array, places: Array, column: Column) -> Array:
    """`values[places]`; a place of -1 gives what stands for a missing value."""
    hole = np.empty((1, *values.shape[1:]), values.dtype)
    if isinstance(column.feature, Vector):
        hole[:] = np.nan
    elif isinstance(column.feature, Categorical) and column.feature.max_values:
        hole[0] = []
    else:
        hole[0] = column.missing
    return np.concatenate([values, hole])[places]
