"""A checked log of events in order: who knew what when."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tfctr.data.behaviour import (
    BehaviourSpec,
    event_order,
    split_boundaries,
)
from tfctr.data.cells import Array, as_objects
from tfctr.data.negatives import user_negatives
from tfctr.data.validation import Tables

__all__ = ["Candidates", "EventLog", "Requests"]

# From the time of a positive event to the items that negatives are drawn from, sorted.
Candidates = Callable[[int], Sequence[Any]]


@dataclass(frozen=True)
class Requests:
    """What examples are made of: events, and items drawn as negatives.

    Attributes:
        places: Place of each example's event in the log, `(examples,)`.
        items: Id of the item shown, `(examples,)`.
        negative: Whether the item was drawn, `(examples,)`.
        limits: Number of examples before the validation and before the test part;
            events before the train part have none.
    """

    places: Array
    items: Array
    negative: Array
    limits: tuple[int, int]


class EventLog:
    """The events sorted by user, then as `event_order` sorts them.

    Args:
        events: The raw event table.
        tables: All raw tables after their checks.
        spec: How examples are made.
    """

    def __init__(
        self, events: pd.DataFrame, tables: Tables, spec: BehaviourSpec
    ) -> None:
        self.spec = spec
        user_codes, _ = pd.factorize(tables.user_of, sort=True)
        item_codes, known = pd.factorize(tables.item_of, sort=True)
        self.known_items = np.sort(tables.items) if len(tables.items) else known
        keys = np.stack([item_codes, tables.times, user_codes])
        order = np.lexsort(keys)
        self.order = _order_repeated(events, order, keys[:, order], spec)
        self.user_codes = user_codes[self.order]
        self.times = tables.times[self.order]
        self.users = tables.user_of[self.order]
        self.items = tables.item_of[self.order]
        self.positive = next(iter(tables.labels.values()))[self.order] == 1

    def histories(self, max_length: int) -> tuple[Array, Array]:
        """First place and end of each event's history in the log, `(events,)` each."""
        # User and time as one number that grows along the log: one search finds all.
        base = self.times.min()
        span = self.times.max() - base + 1
        first = self.user_codes * span
        clock = first + self.times - base
        known = np.maximum(self.times - base - self.spec.history_lag_seconds, 0)
        ends = np.searchsorted(clock, first + known)
        return np.maximum(np.searchsorted(clock, first), ends - max_length), ends

    def requests(self, candidates: Candidates | None = None) -> Requests:
        """All examples by time, user and item; negatives stand behind their event.

        Args:
            candidates: Items to draw from at a time; all known ones by default.
        """
        places, items = np.arange(len(self.order)), self.items
        negative = np.zeros(len(places), bool)
        if self.spec.draws_negatives:
            places, items, negative = self._with_negatives(candidates)
        in_time = np.argsort(self.times[places], kind="stable")
        places, items, negative = places[in_time], items[in_time], negative[in_time]
        times, counts = np.unique(self.times, return_counts=True)
        histogram = dict(zip(times.tolist(), counts.tolist(), strict=True))
        boundaries = split_boundaries(histogram, self.spec)
        start, *limits = np.searchsorted(self.times[places], boundaries).tolist()
        places, items, negative = places[start:], items[start:], negative[start:]
        first, second = (limit - start for limit in limits)
        return Requests(places, items, negative, (first, second))

    def _with_negatives(
        self, candidates: Candidates | None
    ) -> tuple[Array, Array, Array]:
        everything = self.known_items.tolist()
        drawing = candidates or (lambda _: everything)
        users, items, times = self.users.tolist(), self.items.tolist(), self.times
        positive = self.positive.tolist()
        bounds = np.flatnonzero(np.diff(self.user_codes)) + 1
        places: list[int] = []
        shown: list[Any] = []
        for first, end in itertools.pairwise([0, *bounds.tolist(), len(times)]):
            part = slice(first, end)
            drawn = user_negatives(
                self.spec,
                users[first],
                times[part].tolist(),
                items[part],
                positive[part],
                drawing,
            )
            for place, found in enumerate(drawn, start=first):
                places += [place] * (1 + len(found))
                shown += [items[place], *found]
        at = np.array(places)
        first_of_event = np.ones(len(at), bool)
        first_of_event[1:] = at[1:] != at[:-1]
        ids = as_objects(shown) if self.items.dtype == object else np.array(shown)
        return at, ids, ~first_of_event


def _order_repeated(
    events: pd.DataFrame, order: Array, keys: Array, spec: BehaviourSpec
) -> Array:
    """Orders events of one user, time and item by what labels look at.

    Args:
        events: The event table.
        order: Rows of it, sorted by user, time and item.
        keys: Item, time and user of the rows in that order, `(3, events)`.
        spec: Has the label rules.
    """
    starts = np.ones(len(order), bool)
    starts[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    group = np.cumsum(starts) - 1
    places = np.flatnonzero(np.bincount(group)[group] > 1)
    if len(places):
        columns = list(dict.fromkeys(rule.column for rule in spec.labels.values()))
        records = events[columns].iloc[order[places]].to_dict("records")
        same = {spec.time_key: 0, spec.item_key: 0}
        ranks = [
            (rank, event_order({**same, **record}, spec))
            for rank, record in zip(group[places].tolist(), records, strict=True)
        ]
        by_rank = sorted(range(len(places)), key=ranks.__getitem__)
        order = order.copy()
        order[places] = order[places[by_rank]]
    return order
