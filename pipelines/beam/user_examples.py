"""The examples of one user: a pure function of the user's events."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfctr.data.behaviour import (
    BehaviourSpec,
    Source,
    event_order,
    history_of,
    split_of,
)
from tfctr.data.negatives import user_negatives
from tfctr.features import FeatureSchema
from tfctr.features.columns import Column
from tfctr.pipelines.beam.events import Event

__all__ = ["UserExamples", "missing_of"]

Row = Mapping[str, Any]
_Logged = dict[str, Any]
EVENT = "_event"


@dataclass(frozen=True)
class UserExamples:
    """Makes a user's raw examples.

    Args:
        schema: What an example holds.
        spec: The rules.
        sources: Where each raw column comes from.
    """

    schema: FeatureSchema
    spec: BehaviourSpec
    sources: Mapping[str, Source]

    def __call__(
        self,
        events: Iterable[Event],
        user: Row | None,
        items: Mapping[Any, Row],
        candidates: Sequence[Any],
        start: int | None = None,
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Examples of one user, in order of time.

        Args:
            events: All events of the user, in any order.
            user: The user's row, `None` for one that the table lacks.
            items: Rows of the item table by id.
            candidates: Items that negatives are drawn from, sorted.
            start: Events before that time are in histories alone.

        Returns:
            Pairs of the request's time and the raw example with its labels.
        """
        log = self._sorted(events)
        read_steps = self._sequence_readers(items)
        for event, negatives in self._with_negatives(log, candidates):
            if start is not None and event.time < start:
                continue
            shared = self._shared(event, user)
            for name, (max_length, read) in read_steps.items():
                past = history_of(log, event.time, self.spec, max_length)
                shared[name] = [read(step[EVENT]) for step in past]
            item = self._item(event.item, items)
            yield event.time, {**shared, **item, **event.labels}
            for drawn in negatives:
                item = self._item(drawn, items)
                yield event.time, {**shared, **item, **self._negative_labels}

    def by_split(
        self,
        events: Iterable[Event],
        user: Row | None,
        items: Mapping[Any, Row],
        candidates: Sequence[Any],
        boundaries: tuple[int, int, int],
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The same with the name of each example's part.

        Args:
            events: All events of the user, in any order.
            user: The user's row, `None` for one that the table lacks.
            items: Rows of the item table by id.
            candidates: Items that negatives are drawn from, sorted.
            boundaries: Times at which train, validation and test begin.
        """
        for time, row in self(events, user, items, candidates, boundaries[0]):
            split = split_of(time, boundaries)
            if split is not None:
                yield split, row

    def _with_negatives(
        self, log: Sequence[_Logged], candidates: Sequence[Any]
    ) -> Iterator[tuple[Event, list[Any]]]:
        """The events in order, each with the items drawn for it."""
        events: list[Event] = [logged[EVENT] for logged in log]
        main = next(iter(self.spec.labels))
        drawn = user_negatives(
            self.spec,
            events[0].user if events else "",
            [event.time for event in events],
            [event.item for event in events],
            [event.labels[main] == 1 for event in events],
            lambda _: candidates,
        )
        return zip(events, drawn, strict=True)

    def _sorted(self, events: Iterable[Event]) -> list[_Logged]:
        spec = self.spec
        log: list[_Logged] = [
            {
                **event.rule_values,
                spec.user_key: event.user,
                spec.item_key: event.item,
                spec.time_key: event.time,
                EVENT: event,
            }
            for event in events
        ]
        return sorted(log, key=lambda logged: event_order(logged, spec))

    def _shared(self, event: Event, user: Row | None) -> dict[str, Any]:
        """User and context columns."""
        return self._columns(event, user, ("user", "context"))

    def _columns(
        self, event: Event, user: Row | None, roles: tuple[str, ...]
    ) -> dict[str, Any]:
        shared = {}
        for column in self.schema.raw_columns(roles):
            source = self.sources[column.name]
            if source == Source("event", self.spec.time_key):
                shared[column.name] = event.time
            elif source.table == "event":
                shared[column.name] = event.features[source.column]
            else:
                row = {} if user is None else user
                shared[column.name] = row.get(source.column, missing_of(column))
        return shared

    def _item(self, item: Any, items: Mapping[Any, Row]) -> dict[str, Any]:
        row = items.get(item, {})
        columns = {}
        for column in self.schema.raw_columns(("item",)):
            source = self.sources[column.name]
            if source.table == "event":
                columns[column.name] = item
            else:
                columns[column.name] = row.get(source.column, missing_of(column))
        return columns

    def _sequence_readers(
        self, items: Mapping[Any, Row]
    ) -> dict[str, tuple[int, Callable[[Event], Any]]]:
        """Length of each sequence column, and how it reads a past event."""
        readers = {}
        for column in self.schema.raw_columns(("sequence",)):
            source = self.sources[column.name]
            if column.sequence is not None:
                read = self._reader(column, source, items)
                readers[column.name] = (column.sequence.max_length, read)
        return readers

    def _reader(
        self, column: Column, source: Source, items: Mapping[Any, Row]
    ) -> Callable[[Event], Any]:
        name, missing = source.column, missing_of(column)
        if source == Source("event", self.spec.time_key):
            return lambda event: event.time
        if source.table == "event":
            return lambda event: event.features[name]
        empty: Row = {}
        return lambda event: items.get(event.item, empty).get(name, missing)

    @property
    def _negative_labels(self) -> dict[str, float]:
        labels = {label.name: 0.0 for label in self.schema.labels}
        others = self.schema.label_columns()[len(labels) :]
        return {**labels, **dict.fromkeys(others, 1.0)}


def missing_of(column: Column) -> Any:
    inner = column.shape if column.sequence is None else column.shape[1:]
    return column.missing if not inner else []
