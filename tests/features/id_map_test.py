"""Tests of `tfctr.features.IdMap`: who has a row, when, and which."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr.errors import InputError
from tfctr.features import IdMap, RowChanges, Vocabulary

DAY = 86_400


def map_of(capacity=3, **settings):
    return IdMap(Vocabulary("item", capacity=capacity, **settings))


def feed(id_map, **seen):
    """One period: `a=5` is one event of id `a` at second 5, lists are several."""
    events = [
        (name, time)
        for name, times in seen.items()
        for time in (times if isinstance(times, list) else [times])
    ]
    return id_map.update([name for name, _ in events], [time for _, time in events])


def test_ids_get_rows_after_those_for_missing_and_unknown_values():
    id_map = map_of(num_oov=2)
    changes = feed(id_map, a=5, b=9)
    # The most recently seen comes first.
    assert changes == RowChanges(admitted={"b": 3, "a": 4}, evicted={})
    assert id_map.values() == ("b", "a")


def test_id_is_admitted_in_the_period_that_completes_its_count():
    id_map = map_of(min_count=3)
    assert feed(id_map, a=[1, 2], b=[1, 2, 2]).admitted == {"b": 2}
    assert feed(id_map, b=4).admitted == {}
    assert feed(id_map, a=5).admitted == {"a": 3}


def test_full_map_keeps_the_most_recently_seen():
    id_map = map_of()
    feed(id_map, a=1, b=2, c=3)
    assert id_map.values() == ("c", "b", "a")
    changes = feed(id_map, b=4, d=5)
    assert changes == RowChanges(admitted={"d": 4}, evicted={"a": 4})
    assert changes.rows == [4]
    assert id_map.values() == ("c", "b", "d")


def test_at_equal_times_those_with_a_row_keep_it():
    id_map = map_of(capacity=2)
    feed(id_map, a=1, b=1)
    assert id_map.values() == ("a", "b")
    assert feed(id_map, c=[1, 1, 1]) == RowChanges()
    assert feed(id_map, c=[2], d=[2, 2], e=[2, 2]).admitted == {"d": 2, "e": 3}


def test_id_that_was_not_seen_for_longer_than_the_age_loses_its_row():
    id_map = map_of(max_age=DAY)
    feed(id_map, a=0, b=1, c=DAY)
    assert id_map.values() == ("c", "b", "a")  # seen a day ago is not longer ago
    changes = feed(id_map, c=DAY + 1)
    assert changes == RowChanges(admitted={}, evicted={"a": 4})
    assert feed(id_map, d=DAY + 2) == RowChanges({"d": 3}, {"b": 3})


def test_rows_that_became_free_are_used_again_lowest_first():
    id_map = map_of(capacity=4, max_age=10)
    feed(id_map, a=4, b=3, c=2, d=1)
    changes = feed(id_map, b=13)
    assert changes.evicted == {"c": 4, "d": 5}
    assert id_map.values() == ("a", "b")
    changes = feed(id_map, e=20, f=19)
    assert changes == RowChanges({"e": 2, "f": 4}, {"a": 2})
    assert changes.rows == [2, 4]
    assert id_map.values() == ("e", "b", "f")


def test_time_is_that_of_the_log_and_does_not_run_back():
    id_map = map_of(max_age=10)
    feed(id_map, a=100)
    assert feed(id_map, b=85) == RowChanges()  # too old to be admitted
    assert feed(id_map, b=95).admitted == {"b": 3}
    assert id_map.now == 100
    assert feed(id_map, c=111).evicted == {"a": 2, "b": 3}


def test_sightings_of_long_ago_do_not_count():
    id_map = map_of(min_count=2, max_age=10)
    feed(id_map, a=[1], b=[1])
    assert feed(id_map, a=12).admitted == {"a": 2}  # 11 later: still counted
    assert feed(id_map, b=25).admitted == {}  # 24 later: forgotten
    # Without an age they are never forgotten.
    id_map = map_of(min_count=2)
    feed(id_map, a=1)
    assert feed(id_map, a=10**9).admitted == {"a": 2}


def test_sightings_are_forgotten_after_a_long_gap_too():
    id_map = map_of(min_count=2, max_age=10)
    feed(id_map, a=1)
    feed(id_map, b=1000)
    assert feed(id_map, a=1001, b=1001).admitted == {"b": 2}


@pytest.mark.parametrize("value", ["", "a\nb", "a\r", "\x1fend", "\x1ffree row 0"])
def test_values_without_a_line_of_their_own_have_no_row(value):
    id_map = map_of()
    assert id_map.update([value], [3]) == RowChanges()
    assert id_map.values() == ()


def test_time_passes_with_events_of_unknown_ids_too():
    id_map = map_of(max_age=10)
    feed(id_map, a=3)
    assert id_map.update([""], [14]).evicted == {"a": 2}


def test_period_without_events_changes_nothing():
    id_map = map_of(max_age=1)
    feed(id_map, a=3)
    assert id_map.update([], []) == RowChanges()
    assert id_map.values() == ("a",)


def test_memory_does_not_grow_with_the_number_of_ids():
    id_map = IdMap(Vocabulary("item", capacity=10, min_count=2), sketch_width=4096)
    sizes = []
    for period in range(3):
        ids = [f"{period}/{k}" for k in range(1000)]
        id_map.update(ids, [period] * 1000)
        arrays = id_map.to_arrays()
        sizes.append(sum(array.nbytes for array in arrays.values()))
        assert len(id_map._places) <= 10
    assert max(sizes) - min(sizes) < 1000


PERIODS = st.lists(
    st.lists(st.tuples(st.sampled_from("abcdefg"), st.integers(0, 40)), max_size=8),
    max_size=8,
)


@given(PERIODS, st.integers(1, 4), st.integers(1, 3), st.none() | st.integers(1, 20))
@settings(max_examples=150, deadline=None)
def test_map_is_what_a_plain_reading_of_the_rules_gives(
    periods, capacity, min_count, age
):
    periods = [[(v, 25 * n + t) for v, t in events] for n, events in enumerate(periods)]
    id_map = map_of(capacity, min_count=min_count, max_age=age)
    rows, last, windows, now = {}, {}, {}, -1
    for events in periods:
        changes = id_map.update([v for v, _ in events], [t for _, t in events])
        if not events:
            assert changes == RowChanges()
            continue
        now = max(now, *(t for _, t in events))
        window = 0 if age is None else now // age
        counts, before = Counter(v for v, _ in events), dict(rows)
        for value in counts:
            newest = max(t for v, t in events if v == value)
            last[value] = max(newest, last[value]) if value in before else newest
        for value in counts:
            if value not in before:
                key = (value, window)
                windows[key] = windows.get(key, 0) + counts[value]
        entries = []
        for value in {*before, *counts}:
            if value not in before:
                total = windows[value, window] + windows.get((value, window - 1), 0)
                if total < min_count:
                    continue
            if age is None or last[value] >= now - age:
                is_new = value not in before
                entries.append((-last[value], is_new, -counts[value] * is_new, value))
        kept = [value for *_, value in sorted(entries)[:capacity]]
        rows = {v: p for v, p in before.items() if v in kept}
        for value in kept:
            if value not in before:
                rows[value] = min(set(range(capacity)) - set(rows.values()))
        assert changes.evicted == {v: 2 + p for v, p in before.items() if v not in rows}
        assert changes.admitted == {
            v: 2 + p for v, p in rows.items() if v not in before
        }
        assert {v: p for p, v in enumerate(id_map.values()) if v} == rows


@given(PERIODS, PERIODS)
@settings(max_examples=30, deadline=None)
def test_map_that_was_stored_goes_on_as_the_one_that_was_not(first, second):
    vocabulary = Vocabulary("item", capacity=3, min_count=2, max_age=15)
    id_map = IdMap(vocabulary, sketch_width=64)
    for events in first:
        id_map.update([v for v, _ in events], [t for _, t in events])
    again = IdMap.from_arrays(vocabulary, id_map.to_arrays())
    assert again.values() == id_map.values()
    for events in second:
        ids, times = [v for v, _ in events], [t for _, t in events]
        assert again.update(ids, times) == id_map.update(ids, times)
    assert again.now == id_map.now
    np.testing.assert_equal(again.to_arrays(), id_map.to_arrays())


def test_stored_map_can_get_more_rows_but_not_fewer_than_are_taken():
    id_map = map_of(capacity=2)
    feed(id_map, a=2, b=1)
    larger = IdMap.from_arrays(Vocabulary("item", capacity=4), id_map.to_arrays())
    assert feed(larger, c=3).admitted == {"c": 4}
    with pytest.raises(InputError, match="at most its capacity, 1"):
        IdMap.from_arrays(Vocabulary("item", capacity=1), id_map.to_arrays())


def test_vocabulary_without_capacity_is_refused():
    with pytest.raises(InputError, match="`item`: received a vocabulary without cap"):
        IdMap(Vocabulary("item"))


def test_event_without_time_is_refused():
    with pytest.raises(InputError, match=r"time of item.*received -1"):
        map_of().update(["a"], [-1])


def test_event_without_id_or_time_is_an_error():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        map_of().update(["a", "b"], [1])
