"""Tests of `tfctr.data.attach_history`."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr.data import attach_history, attribute_conversions
from tfctr.errors import InputError
from tfctr.features import Categorical, Sequence, Timestamp

OFFSITE = Sequence(
    "offsite",
    (Categorical("item", dtype="int64"), Categorical("kind")),
    Timestamp("time"),
    max_length=3,
)
EVENTS = pd.DataFrame(
    {
        "user": ["b", "a", "a", "a", "a"],
        "at": [5, 40, 10, 20, 30],
        "item": [9, 4, 1, 2, 3],
        "kind": ["buy", "d", "a", "b", "c"],
    }
)
EXAMPLES = pd.DataFrame({"user": ["a", "c", "b", "a", "a"], "at": [41, 99, 5, 30, 10]})


def attached(examples=EXAMPLES, events=EVENTS, **changes):
    arguments = {"user_key": "user", "time_key": "at", **changes}
    return attach_history(examples, events, OFFSITE, **arguments)


def test_history_is_what_was_strictly_before():
    found = attached()
    assert [list(v) for v in found["offsite_item"]] == [[2, 3, 4], [], [], [1, 2], []]
    assert list(found["offsite_kind"][3]) == ["a", "b"]
    assert list(found["offsite_time"][0]) == [20, 30, 40]
    assert found["at"].tolist() == EXAMPLES["at"].tolist()


def test_lag_hides_what_is_too_fresh():
    assert [len(v) for v in attached(lag_seconds=11)["offsite_item"]] == [2, 0, 0, 1, 0]


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_it_is_that_of_plain_python(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 30, 2)
    events, examples = (
        pd.DataFrame({"user": rng.integers(0, 4, n), "at": rng.integers(0, 20, n)})
        for n in sizes
    )
    events = events.assign(item=range(sizes[0]), kind="k").sort_values("at")
    found = attached(examples, events)["offsite_time"]
    for (user, at), times in zip(examples.to_numpy(), found, strict=True):
        own = events[(events["user"] == user) & (events["at"] < at)]["at"]
        assert list(times) == own.tolist()[-3:]


def test_a_conversion_is_not_in_the_input_of_what_it_is_attributed_to():
    rng = np.random.default_rng(0)
    shown = pd.DataFrame(
        {"user": rng.integers(0, 5, 200), "at": rng.integers(0, 500, 200)}
    )
    bought = shown.sample(60, random_state=0).assign(item=1, kind="buy")
    bought["at"] += rng.integers(0, 50, 60)  # in the same second, too
    labelled = attribute_conversions(
        shown, bought, keys="user", time_key="at", window_seconds=50, now=1_000,
        min_conversions=1,
    )  # fmt: skip
    found = attached(labelled, bought)
    converted = labelled["conversion"] == 1
    assert converted.sum() > 30
    for at, delay, times in zip(
        found["at"][converted],
        found["conversion_delay"][converted],
        found["offsite_time"][converted],
        strict=True,
    ):
        assert at + delay not in times


def test_columns_may_have_other_names():
    events = EVENTS.rename(columns={"kind": "event"})
    found = attached(events=events, columns={"kind": "event"})
    assert list(found["offsite_kind"][0]) == ["b", "c", "d"]
    with pytest.raises(InputError, match="`kind`: received events with the columns"):
        attached(events=events)


def test_negative_lags_are_refused():
    with pytest.raises(InputError, match="`lag_seconds`: received -1"):
        attached(lag_seconds=-1)
