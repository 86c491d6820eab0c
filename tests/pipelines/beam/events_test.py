"""Tests of `tfctr.pipelines.beam.events`."""

import dataclasses
import math
from collections import Counter

import pytest

from tests.pipelines.logs import SPEC, make_schema
from tfctr.data import LabelRule
from tfctr.errors import InputError
from tfctr.features import Label
from tfctr.pipelines.beam.events import Event, count_event, plan_splits

SCHEMA = make_schema()


def plan(log: list[tuple[int, float, float]], spec=SPEC) -> tuple[int, int]:
    """Boundaries of a log of (time, like, finish)."""
    events = [
        Event(1, "i1", time, {}, {"like": like, "finish": finish}, {})
        for time, like, finish in log
    ]
    counts = Counter(key for event in events for key, _ in count_event(event, SCHEMA))
    return plan_splits(counts.items(), SCHEMA, spec)


BOTH = [(t, float(t % 2), float(t % 4 == 1)) for t in range(10)]


def test_boundaries_are_the_times_at_the_fractions():
    assert plan(BOTH) == (0, 8, 9)


def test_labels_of_one_class_are_refused_by_name():
    with pytest.raises(InputError, match="`like`: received only 0 in all"):
        plan([(t, 0.0, 0.0) for t in range(10)])
    with pytest.raises(InputError) as raised:
        plan([(t, float(t % 2), 0.0) for t in range(10)])
    assert raised.value.field == "finish"
    assert raised.value.received == "only 0 in all events that count"


def test_label_is_counted_only_where_it_is_observed():
    log = [(t, like, 1.0 if like == 0 else finish) for t, like, finish in BOTH]
    assert plan(log) == plan(BOTH)
    with pytest.raises(InputError, match="`finish`"):
        plan([(t, like, 1.0 - like) for t, like, _ in BOTH])


def test_missing_label_that_counts_is_refused():
    with pytest.raises(InputError, match="`like`: received nothing"):
        plan([*BOTH, (11, math.nan, 0.0)])


def test_split_without_events_is_refused():
    with pytest.raises(InputError, match="no event for the validation split"):
        plan([(0, like, finish) for _, like, finish in BOTH[:5]] + BOTH[5:6] * 9)


def test_values_count_as_above_0_or_not():
    spend = Label("spend", observed_if="like", kind="value")
    schema = dataclasses.replace(SCHEMA, labels=(Label("like"), spend))

    def planned(values):
        events = [
            Event(1, "i1", time, {}, {"like": float(time % 2), "spend": value}, {})
            for time, value in enumerate(values)
        ]
        counts = Counter(k for event in events for k, _ in count_event(event, schema))
        assert {key for key in counts if key[0] == "spend"} <= {
            ("spend", 0.0),
            ("spend", 1.0),
        }
        rules = {
            "like": LabelRule("like"), "spend": LabelRule("spend", is_value=True)
        }  # fmt: skip
        spec = dataclasses.replace(SPEC, labels=rules)
        return plan_splits(counts.items(), schema, spec)

    assert planned([0.5 + time for time in range(10)]) == (0, 8, 9)
    with pytest.raises(InputError, match="expected a value above 0"):
        planned([float(time % 2 == 0) for time in range(10)])
