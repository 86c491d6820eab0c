"""Whole users as examples: a pure function of the user's events."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfctr.data.behaviour import SPLITS, Source, num_known, split_of
from tfctr.data.cells import Array
from tfctr.data.positions import Weighting, pieces, position_targets
from tfctr.features.columns import Column
from tfctr.features.sequence_columns import (
    check_sequence_schema,
    visible_column,
    weight_column,
)
from tfctr.pipelines.beam.events import Event
from tfctr.pipelines.beam.user_examples import EVENT, Row, UserExamples, missing_of

__all__ = ["UserSequences"]

Span = tuple[int, int, int]


@dataclass(frozen=True)
class UserSequences(UserExamples):
    """Makes the rows of `tfctr.data.build_user_sequences` of one user.

    Args:
        schema: What an example holds.
        spec: The rules.
        sources: Where each raw column comes from.
        max_events: Events of a row at most.
        weighting: `"target"` or `"user"`.
    """

    max_events: int = 1024
    weighting: Weighting = "target"

    def by_split(
        self,
        events: Iterable[Event],
        user: Row | None,
        items: Mapping[Any, Row],
        candidates: Sequence[Any],
        boundaries: tuple[int, int, int],
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Rows of one user, with the name of each row's part.

        Args:
            events: All events of the user, in any order.
            user: The user's row, `None` for one that the table lacks.
            items: Rows of the item table by id.
            candidates: Items that negatives are drawn from, sorted.
            boundaries: Times at which train, validation and test begin.
        """
        log = self._sorted(events)
        longest = check_sequence_schema(self.schema)
        drawn = list(self._with_negatives(log, candidates))
        known = [num_known(log, event.time, self.spec) for event, _ in drawn]
        starts = [max(0, end - longest) for end in known]
        parts = [split_of(event.time, boundaries) for event, _ in drawn]
        readers = self._readers(items)
        for split in SPLITS:
            first = parts.index(split) if split in parts else 0
            stop = first + parts.count(split)  # in order of time, so neighbours
            spans = list(pieces(first, stop, starts, self.max_events))
            if spans:
                shared = self._columns(log[0][EVENT], user, ("user",))
                for row in self._rows(drawn, spans, known, readers):
                    yield split, {**shared, **row}

    def _rows(
        self,
        drawn: Sequence[tuple[Event, list[Any]]],
        spans: Sequence[Span],
        known: Sequence[int],
        readers: Mapping[str, tuple[Callable[[Event], Any], Callable[[Event], Any]]],
    ) -> Iterator[dict[str, Any]]:
        rows, labels, is_target = [], [], []
        for start, first, end in spans:
            events = [event for event, _ in drawn[start:end]]
            places = list(range(start, end))
            negatives = [
                (place, drawn[place][0]._replace(item=item))
                for place in range(first, end)
                for item in drawn[place][1]
            ]
            row = {
                name: [*map(read, events), *(later(event) for _, event in negatives)]
                for name, (read, later) in readers.items()
            }
            places += [place for place, _ in negatives]
            visible = [max(0, known[place] - start) for place in places]
            for sequence in self.schema.sequences:
                row[visible_column(sequence)] = visible
            rows.append(row)
            labels += [event.labels for event in events]
            labels += [self._negative_labels for _ in negatives]
            is_target += [place >= first for place in places]
        yield from self._with_targets(rows, labels, np.array(is_target))

    def _with_targets(
        self,
        rows: Sequence[dict[str, Any]],
        labels: Sequence[Mapping[str, float]],
        is_target: Array,
    ) -> Iterator[dict[str, Any]]:
        """The rows of a user's part with labels and weights of all their positions."""
        columns = {
            name: np.array([position[name] for position in labels])
            for name in self.schema.label_columns()
        }
        nobody_else = np.zeros(len(labels), "int64")
        values, weights = position_targets(
            columns, self.schema, is_target, nobody_else, self.weighting
        )
        start, any_column = 0, visible_column(self.schema.sequences[0])
        for row in rows:
            cut = slice(start, start := start + len(row[any_column]))
            row |= {name: value[cut].tolist() for name, value in values.items()}
            row |= {weight_column(n): w[cut].tolist() for n, w in weights.items()}
            yield row

    def _readers(
        self, items: Mapping[Any, Row]
    ) -> dict[str, tuple[Callable[[Event], Any], Callable[[Event], Any]]]:
        """How each sequence column reads an event, and how a drawn item."""
        readers = {}
        for column in self.schema.raw_columns(("sequence",)):
            source = self.sources[column.name]
            read = self._reader(column, source, items)
            readers[column.name] = (read, self._drawn_reader(column, source, read))
        return readers

    def _drawn_reader(
        self, column: Column, source: Source, read: Callable[[Event], Any]
    ) -> Callable[[Event], Any]:
        if source == Source("event", self.spec.item_key):
            return lambda event: event.item
        if source.table == "item" or source == Source("event", self.spec.time_key):
            return read
        return lambda event: missing_of(column)
