"""Tests of the rules that pandas and Beam share."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data import oracle
from tfctr.data.behaviour import (
    BehaviourSpec,
    LabelRule,
    event_order,
    history_of,
    is_missing,
    label_value,
    split_boundaries,
    split_of,
)
from tfctr.errors import InputError, UnknownName

LOG = st.lists(
    st.fixed_dictionaries(
        {
            "user_id": st.just("u"),
            "item_id": st.sampled_from(["a", "b", "c"]),
            "rating": st.integers(1, 5),
            "timestamp": st.integers(0, 30),
        }
    ),
    min_size=1,
    max_size=40,
)


def spec(**changes):
    values = {"user_key": "user_id", "item_key": "item_id", "time_key": "timestamp"}
    rules = {"like": LabelRule("rating", at_least=4)}
    return BehaviourSpec(**{**values, "labels": rules, **changes})


@settings(deadline=None)
@given(LOG, st.integers(0, 35), st.integers(0, 10), st.integers(1, 6))
def test_history_is_what_brute_force_finds(log, time, lag, length):
    with_lag = spec(history_lag_seconds=lag)
    ordered = sorted(log, key=lambda event: event_order(event, with_lag))
    request = {"user_id": "u", "timestamp": time}
    expected = oracle.past(log, request, lag, length)
    assert history_of(ordered, time, with_lag, length) == expected


def test_an_event_at_the_time_of_the_request_is_not_history():
    log = [{"item_id": "a", "rating": 1, "timestamp": 5}]
    assert history_of(log, 5, spec(), 10) == []
    assert history_of(log, 6, spec(), 10) == log


def test_an_event_is_known_only_after_the_lag():
    log = [{"item_id": "a", "rating": 1, "timestamp": 5}]
    assert history_of(log, 15, spec(history_lag_seconds=10), 10) == []
    assert history_of(log, 16, spec(history_lag_seconds=10), 10) == log


@settings(deadline=None)
@given(
    LOG,
    st.sampled_from([(0.8, 0.1), (0.7, 0.2), (0.5, 0.5), (1.0, 0.0), (0.3, 0)]),
    st.sampled_from([0, 0.2, 0.25]),
)
def test_splits_are_those_of_the_sorted_times(log, fractions, early):
    train, validation = fractions
    rules = spec(
        train_fraction=train,
        validation_fraction=validation,
        history_only_fraction=early,
    )
    boundaries = split_boundaries([event["timestamp"] for event in log], rules)
    for event in log:
        time = event["timestamp"]
        expected = oracle.split_name(log, time, train, train + validation)
        if oracle.split_name(log, time, early, 1.0) == "train":
            expected = None  # before the first boundary
        assert split_of(time, boundaries) == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1))
def test_a_histogram_gives_the_boundaries_of_its_times(times):
    histogram = {time: times.count(time) for time in range(10)}
    assert split_boundaries(histogram, spec()) == split_boundaries(times, spec())


def test_ten_events_split_eight_one_one():
    boundaries = split_boundaries(range(100, 110), spec())
    assert boundaries == (100, 108, 109)
    names = [split_of(time, boundaries) for time in range(100, 110)]
    assert names == ["train"] * 8 + ["validation", "test"]


def test_fractions_that_floats_cannot_hold_split_as_written():
    # 0.29 * 100 is 28.999999999999996 in binary.
    odd = spec(train_fraction=0.29, validation_fraction=0.29)
    assert split_boundaries(range(100), odd) == (0, 29, 58)


def test_no_events_have_no_boundaries():
    with pytest.raises(InputError, match="`timestamp`: received no events"):
        split_boundaries([], spec())


@pytest.mark.parametrize(
    ("rule", "value", "label"),
    [
        (LabelRule("rating", at_least=4), 4, 1.0),
        (LabelRule("rating", at_least=4), 3.9, 0.0),
        (LabelRule("rating", at_least=4), "5", 1.0),
        (LabelRule("rating", equals="buy"), "buy", 1.0),
        (LabelRule("rating", equals="buy"), "view", 0.0),
        (LabelRule("rating", equals=2), 2.0, 1.0),
        (LabelRule("rating", equals=2), 3, 0.0),
        (LabelRule("rating"), 1, 1.0),
        (LabelRule("rating"), 0, 0.0),
    ],
)
def test_rules_give_labels(rule, value, label):
    assert label_value(rule, {"rating": value}) == label


@pytest.mark.parametrize("nothing", [None, math.nan, ""])
def test_label_of_nothing_is_unknown(nothing):
    assert is_missing(nothing)
    assert math.isnan(label_value(LabelRule("r", at_least=1), {"r": nothing}))


def test_label_of_text_names_column_and_text():
    with pytest.raises(InputError, match="`r`: received 'old', expected a number"):
        label_value(LabelRule("r", at_least=1), {"r": "old"})


def test_equal_events_are_ordered_by_what_labels_look_at():
    log = [{"item_id": "a", "rating": r, "timestamp": 1} for r in (10, 9, None, "x")]
    log.sort(key=lambda event: event_order(event, spec()))
    assert [event["rating"] for event in log] == [None, 9, 10, "x"]


def test_spec_survives_a_round_trip():
    rules = {"buy": LabelRule("action", equals="buy"), "like": LabelRule("stars")}
    full = spec(labels=rules, history_lag_seconds=5, negatives_per_positive=2, seed=9)
    assert BehaviourSpec.from_dict(full.to_dict()) == full
    assert full.positive == LabelRule("action", equals="buy")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": {}}, "`labels`: received none"),
        ({"train_fraction": 0}, "`train_fraction`: received 0"),
        ({"history_only_fraction": 0.8}, "`history_only_fraction`: received 0.8"),
        ({"history_only_fraction": -0.1}, "below 0.8, which is `train_fraction`"),
        (
            {"validation_fraction": 0.3},
            "`validation_fraction`: received 0.3.* 0 to 0.2",
        ),
        ({"history_lag_seconds": -1}, "`history_lag_seconds`: received -1"),
        ({"negatives_per_positive": 1.5}, "`negatives_per_positive`: received 1.5"),
        ({"repeat_negatives_per_positive": -1}, "`repeat_negatives_per_positive`"),
        ({"negatives_exclude": "all"}, "negatives_exclude"),
        ({"seed": True}, "`seed`: received True"),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        spec(**changes)


def test_a_rule_with_two_conditions_is_refused():
    with pytest.raises(InputError, match="both `at_least` and `equals`"):
        LabelRule("rating", at_least=1, equals=1)


def test_unknown_and_missing_keys_are_named():
    data = spec().to_dict()
    with pytest.raises(UnknownName, match="Did you mean 'seed'"):
        BehaviourSpec.from_dict({**data, "sed": 1})
    with pytest.raises(UnknownName, match="Did you mean 'at_least'"):
        BehaviourSpec.from_dict(
            {**data, "labels": {"a": {"column": "b", "atleast": 1}}}
        )
    del data["item_key"]
    with pytest.raises(InputError, match="`item_key`: received nothing"):
        BehaviourSpec.from_dict(data)
