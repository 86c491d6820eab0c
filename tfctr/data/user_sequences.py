"""Whole users as examples: a label at every event, split by global time."""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tfctr.data.behaviour import SPLITS, BehaviourSpec
from tfctr.data.cells import Array, as_objects
from tfctr.data.examples import places_of, take_rows
from tfctr.data.log import Candidates, EventLog, Requests
from tfctr.data.positions import Weighting, check_weighting, pieces, position_targets
from tfctr.data.validation import Tables, check_tables
from tfctr.features import FeatureSchema
from tfctr.features.columns import Column
from tfctr.features.sequence_columns import (
    check_sequence_schema,
    visible_column,
    weight_column,
)

__all__ = ["build_user_sequences"]


def build_user_sequences(
    events: pd.DataFrame,
    users: pd.DataFrame | None,
    items: pd.DataFrame | None,
    schema: FeatureSchema,
    spec: BehaviourSpec,
    *,
    max_events: int = 1024,
    weighting: Weighting = "target",
    now: int | None = None,
    candidates: Candidates | None = None,
) -> dict[str, pd.DataFrame]:
    """Makes one row of each user: the events, and what happened at each of them.

    Every example that `build_examples` makes is here one position with a weight, with
    the same label; the last `max_length` events that it may know are the history of
    that example. A part's positions are the events of its time; events before them are
    history with weight 0, later ones are left out. Users without an event in a part
    are not in it. Rows of the log may come in any order and are sorted; repeated ones
    are kept, each a position of its own, and do not know each other.

    A user whose events exceed `max_events` gives several rows. Each begins with the
    history of its first position with a weight, at weight 0: no position is lost, and
    none has a weight twice. Drawn negatives (`negatives_per_positive`) are positions
    behind all events, with the time and the history of the event they belong to and
    without an action; they do not count towards `max_events`.

    Args:
        events: One row for each event, in any order.
        users: One row for each user; `None` if the schema needs only their ids.
        items: One row for each item; `None` if the schema needs only their ids.
        schema: What an example holds; needs a sequence. Item and context features are
            not part of this form.
        spec: How examples are made; see `BehaviourSpec`.
        max_events: Events of a row at most; above the length of every sequence.
        weighting: `"target"` gives each observed label its own weight (1 without a
            weight column); `"user"` divides by their sum over the user's positions in
            the part, so that each user has a total of 1.
        now: Seconds since 1970; later events are refused. The clock's by default.
        candidates: As for `build_examples`.

    Returns:
        Frames by split, ordered by user and time: user columns; arrays of one length
        in the cells of the sequences' columns, of `<sequence>_visible` (int32: the
        number of first events that a position may know), of the labels and of
        `<label>_sample_weight` (float32, 0 where the label does not count).

    Raises:
        InputError: A table does not hold what is declared; the schema has no
            sequence; `max_events` leaves no room for a position behind its history.
        UnknownName: There is no such weighting.
    """
    check_weighting(weighting)
    longest = check_sequence_schema(schema)
    tables = check_tables(events, users, items, schema, spec, now=now)
    log = EventLog(events, tables, spec)
    requests = log.requests(candidates)
    builder = _Builder(schema, tables, log, requests)
    starts, ends = log.histories(longest)
    parts = {}
    for name, targeted in zip(SPLITS, builder.in_part(), strict=True):
        chunks = _chunks(log.user_codes, targeted, starts, max_events)
        parts[name] = builder.frame(chunks, ends, weighting)
    return parts


@dataclass(frozen=True)
class _Chunks:
    """Rows of a part: ranges of the log.

    Attributes:
        starts: First place of each row, `(rows,)`.
        targets: First place of each that has a weight, `(rows,)`.
        ends: Place behind the last one, `(rows,)`.
    """

    starts: Array
    targets: Array
    ends: Array


def _chunks(codes: Array, targeted: Array, starts: Array, max_events: int) -> _Chunks:
    """Cuts each user's places with a weight, which are neighbours, into rows."""
    places = np.flatnonzero(targeted)
    is_last = np.append(codes[places[1:]] != codes[places[:-1]], True)
    found: list[tuple[int, int, int]] = []
    first = 0
    for last in np.flatnonzero(is_last[: len(places)]).tolist():
        found += pieces(int(places[first]), int(places[last]) + 1, starts, max_events)
        first = last + 1
    return _Chunks(*np.array(found, "int64").reshape(-1, 3).T)


class _Builder:
    """Cells of rows: a flat array a column, cut where the rows end."""

    def __init__(
        self, schema: FeatureSchema, tables: Tables, log: EventLog, requests: Requests
    ) -> None:
        self.schema, self.tables, self.log = schema, tables, log
        self.limits, self.total = requests.limits, len(requests.places)
        self.requests = requests
        drawn = np.flatnonzero(requests.negative)
        # By place in the log, so that a range of places is a range of negatives.
        drawn = drawn[np.argsort(requests.places[drawn], kind="stable")]
        self.drawn_places = requests.places[drawn]
        self.drawn_items = requests.items[drawn]

    def in_part(self) -> list[Array]:
        """Whether each place of the log is in a part, `(events,)` for each part."""
        part = np.full(len(self.log.times), -1, "int8")
        bounds = (0, *self.limits, self.total)
        for number, (low, high) in enumerate(itertools.pairwise(bounds)):
            part[self.requests.places[low:high]] = number
        return [part == number for number in range(len(SPLITS))]

    def frame(self, chunks: _Chunks, ends: Array, weighting: Weighting) -> pd.DataFrame:
        """The rows of one part."""
        positions = self._positions(chunks)
        cut = np.cumsum(np.bincount(positions.row, minlength=len(chunks.starts)))

        def cells(flat: Array) -> Array:
            return as_objects(np.split(flat, cut[:-1]) if len(cut) else [])

        columns = {
            column.name: self._user(column, chunks)
            for column in self.schema.raw_columns(("user",))
        }
        for column in self.schema.raw_columns(("sequence",)):
            columns[column.name] = cells(self._step(column, positions))
        # What a first event knew may lie before the row: then it knows nothing here.
        visible = np.maximum(ends[positions.place] - chunks.starts[positions.row], 0)
        for sequence in self.schema.sequences:
            columns[visible_column(sequence)] = cells(visible.astype("int32"))
        values, weights = self._targets(positions, weighting)
        columns |= {name: cells(flat) for name, flat in values.items()}
        columns |= {weight_column(n): cells(flat) for n, flat in weights.items()}
        return pd.DataFrame(columns, copy=False)

    def _positions(self, chunks: _Chunks) -> "_Positions":
        """All positions of the rows: events in order, then the drawn negatives."""
        lows = np.searchsorted(self.drawn_places, chunks.targets)
        highs = np.searchsorted(self.drawn_places, chunks.ends)
        row, place = _ranges(chunks.starts, chunks.ends)
        drawn_row, drawn = _ranges(lows, highs)
        is_drawn = np.repeat([False, True], [len(row), len(drawn)])
        item = np.concatenate([self.log.items[place], self.drawn_items[drawn]])
        is_target = np.append(place >= chunks.targets[row], np.ones(len(drawn), bool))
        row = np.append(row, drawn_row)
        place = np.append(place, self.drawn_places[drawn])
        order = np.argsort(row, kind="stable")
        return _Positions(
            *(part[order] for part in (row, place, item, is_drawn, is_target))
        )

    def _user(self, column: Column, chunks: _Chunks) -> Array:
        values = self.tables.columns[column.name]
        if self.tables.sources[column.name].table == "event":
            return np.asarray(values[self.log.order[chunks.starts]])
        found = places_of(self.tables.users, self.log.users[chunks.starts])
        cells = take_rows(values, found, column)
        return cells if cells.ndim == 1 else as_objects(list(cells))

    def _step(self, column: Column, positions: "_Positions") -> Array:
        values, source = (
            self.tables.columns[column.name],
            self.tables.sources[column.name],
        )
        if source.table == "item":
            found = places_of(self.tables.items, positions.item)
            return take_rows(values, found, column)
        if column.feature.name == self.schema.item_id:
            return positions.item
        at = self.log.order[positions.place]
        sequence = column.sequence
        if sequence is None or column.feature != sequence.timestamp:
            at = np.where(positions.is_drawn, -1, at)
        return take_rows(values, at, column)

    def _targets(
        self, positions: "_Positions", weighting: Weighting
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Labels and weights of all positions, float32."""
        at = self.log.order[positions.place]
        columns = {}
        for default, group in ((0, self.tables.labels), (1, self.tables.weights)):
            for name, flat in group.items():
                columns[name] = np.where(positions.is_drawn, default, flat[at])
        user = self.log.user_codes[positions.place]
        return position_targets(
            columns, self.schema, positions.is_target, user, weighting
        )


@dataclass(frozen=True)
class _Positions:
    """What stands at each position of all rows, `(positions,)` each.

    Attributes:
        row: Its row.
        place: Place of its event in the log.
        item: Id of its item.
        is_drawn: Whether the item was drawn.
        is_target: Whether it has a weight.
    """

    row: Array
    place: Array
    item: Array
    is_drawn: Array
    is_target: Array


def _ranges(starts: Array, ends: Array) -> tuple[Array, Array]:
    """The numbers of each range, one behind the other, and the range of each."""
    sizes = ends - starts
    row = np.repeat(np.arange(len(starts)), sizes)
    first = np.cumsum(sizes) - sizes
    return row, np.arange(len(row)) - first[row] + starts[row]
