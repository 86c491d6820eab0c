"""Which ids of an open vocabulary have a row: admission by count, eviction by age."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.features.sketch import CountMinSketch
from tfctr.features.vocabularies import Vocabulary
from tfctr.features.vocabulary_files import check_open_values, is_storable

__all__ = ["IdMap", "RowChanges"]


@dataclass(frozen=True)
class RowChanges:
    """What a period has changed; rows are those of the embedding table.

    Attributes:
        admitted: Row of each id that has one now and had none before.
        evicted: Row that each id had before and has no more.
    """

    admitted: dict[str, int] = field(default_factory=dict)
    evicted: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> list[int]:
        """Rows whose trained values and optimizer slots are of another id, or none."""
        return sorted({*self.admitted.values(), *self.evicted.values()})


class IdMap:
    """Rows of an open vocabulary, brought up to date period by period.

    Time is the log's. After each period, an id loses its row if it was last seen more
    than `max_age` before the latest event. An id without a row gets one once it was
    seen `min_count` times. Where more ids qualify than there are rows, the most
    recently seen have them; at equal times those that had one before, then the more
    frequent in the period, then by value. Rows are given out in rising order, most
    recently seen first; freed rows are used again.

    Ids without a row are counted in a count-min sketch, so memory depends on the
    capacity and not on the number of distinct ids; a count may be too high, never too
    low. With `max_age`, sightings count for at least `max_age` and less than twice
    that; without it, they are never forgotten. An id that lost its row keeps the
    sightings that still count.

    Ids that are empty or hold a line break have no rows, as in other vocabularies.

    Args:
        vocabulary: The declaration, with `capacity`.
        sketch_width: Counters in each of the sketch's rows; four for each row of the
            table by default.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, sketch_width: int | None = None
    ) -> None:
        if vocabulary.capacity is None:
            raise InputError(
                vocabulary.name,
                received="a vocabulary without capacity",
                expected="an open one: `Vocabulary(name, capacity=...)`",
            )
        self.vocabulary = vocabulary
        self.capacity = vocabulary.capacity
        self.now = -1
        width = sketch_width or max(1024, 4 * self.capacity)
        # Sightings of this window of `max_age` and of the one before.
        self._sketches = [CountMinSketch(width), CountMinSketch(width)]
        self._places: dict[str, int] = {}
        self._last_seen = np.full(self.capacity, -1, np.int64)

    def update(self, ids: Iterable[str], times: Iterable[int]) -> RowChanges:
        """Takes in one period of the log.

        Args:
            ids: Id of each event; `""` where it is missing.
            times: Seconds of each event.
        """
        seen, latest = _sightings(self.vocabulary.name, ids, times)
        if latest < 0:
            return RowChanges()
        self._advance(latest)
        new = {}
        for value, (time, count) in seen.items():
            place = self._places.get(value)
            if place is None:
                new[value] = (time, count)
            else:
                self._last_seen[place] = max(self._last_seen[place], time)
        return self._settle(self._qualified(new))

    def values(self) -> tuple[str, ...]:
        """The id of each row, `""` where a row is free; for `SchemaState.replace`."""
        values = [""] * (1 + max(self._places.values(), default=-1))
        for value, place in self._places.items():
            values[place] = value
        return tuple(values)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything, as arrays that `from_arrays` reads."""
        text = json.dumps({"now": self.now, "values": self.values()})
        return {
            "map": np.frombuffer(text.encode(), np.uint8),
            "last_seen": self._last_seen[: len(self.values())],
            "sketches": np.stack([sketch.counters for sketch in self._sketches]),
        }

    @classmethod
    def from_arrays(
        cls, vocabulary: Vocabulary, arrays: Mapping[str, np.ndarray]
    ) -> "IdMap":
        """Gives back what `to_arrays` wrote.

        Args:
            vocabulary: The declaration; its capacity may have grown since.
            arrays: What `to_arrays` gave.
        """
        data = json.loads(arrays["map"].tobytes())
        check_open_values(vocabulary, data["values"])
        sketches = np.asarray(arrays["sketches"])
        made = cls(vocabulary, sketch_width=sketches.shape[2])
        made.now = int(data["now"])
        made._places = {v: p for p, v in enumerate(data["values"]) if v}
        made._last_seen[: len(data["values"])] = arrays["last_seen"]
        for sketch, counters in zip(made._sketches, sketches, strict=True):
            sketch.counters = counters.astype(np.uint32)
        return made

    def _advance(self, time: int) -> None:
        """Moves on to `time`; what was counted too long ago is forgotten."""
        before, self.now = self.now, max(self.now, time)
        if self.vocabulary.max_age is None or before < 0:
            return
        age = self.vocabulary.max_age
        for _ in range(min(2, self.now // age - before // age)):
            self._sketches.reverse()
            self._sketches[0].clear()

    def _qualified(self, new: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        """Those of the ids without a row that were seen often enough to have one."""
        if not new or self.vocabulary.min_count == 1:
            return new
        counts = np.array([count for _, count in new.values()], np.int64)
        hashes = tf.strings.to_hash_bucket_fast(list(new), 2**63 - 1).numpy()
        self._sketches[0].add(hashes, counts)
        totals = sum(sketch.count(hashes) for sketch in self._sketches)
        enough = np.asarray(totals) >= self.vocabulary.min_count
        return {
            v: new[v] for v, is_enough in zip(new, enough, strict=True) if is_enough
        }

    def _settle(self, qualified: dict[str, tuple[int, int]]) -> RowChanges:
        """Gives the rows to those who should have them now."""
        oldest = -1
        if self.vocabulary.max_age is not None:
            oldest = self.now - self.vocabulary.max_age
        last_seen = self._last_seen.tolist()
        ranked = [(-last_seen[p], 0, 0, v) for v, p in self._places.items()]
        ranked += [(-time, 1, -count, v) for v, (time, count) in qualified.items()]
        staying = sorted(entry for entry in ranked if -entry[0] >= oldest)
        staying = staying[: self.capacity]
        kept = {value for *_, value in staying}
        evicted = {v: p for v, p in self._places.items() if v not in kept}
        for value, place in evicted.items():
            del self._places[value]
            self._last_seen[place] = -1
        taken = set(self._places.values())
        free = (place for place in range(self.capacity) if place not in taken)
        admitted = {value: next(free) for _, is_new, _, value in staying if is_new}
        for value, place in admitted.items():
            self._last_seen[place] = qualified[value][0]
        self._places |= admitted
        first = 1 + self.vocabulary.num_oov
        return RowChanges(
            {value: first + place for value, place in admitted.items()},
            {value: first + place for value, place in evicted.items()},
        )


def _sightings(
    name: str, ids: Iterable[str], times: Iterable[int]
) -> tuple[dict[str, tuple[int, int]], int]:
    """Last time and number of sightings of each id, and the time of the last event."""
    seen: dict[str, tuple[int, int]] = {}
    latest = -1
    for value, given in zip(ids, times, strict=True):
        time = int(given)
        if time < 0:
            raise InputError(
                f"time of {name}",
                received=time,
                expected="seconds since 1970 for each event",
                hint="Leave out events whose time is not known.",
            )
        latest = max(latest, time)
        if value and is_storable(value):
            last, count = seen.get(value, (-1, 0))
            seen[value] = (max(last, time), count + 1)
    return seen, latest
