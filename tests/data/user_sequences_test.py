"""Tests of `build_user_sequences`: the same examples as the pointwise form."""

import dataclasses
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data import oracle
from tests.data.examples_test import LATE, ROWS, plain
from tests.data.oracle import EVENTS, ITEMS, SPEC, USERS
from tfctr.data import LabelRule, build_examples, build_user_sequences
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, FeatureSchema, Label, Sequence

HALVES = dataclasses.replace(SPEC, train_fraction=0.5, validation_fraction=0.2)
HISTORY = ("item_id", "genres", "rating", "timestamp")
SHARED = ("user_id", "age", "item_id", "genres", "timestamp", "like")


def build(events=EVENTS, spec=SPEC, length=3, **arguments):
    return build_user_sequences(
        events, USERS, ITEMS, oracle.schema(length), spec, now=LATE, **arguments
    )


def text(values):
    return repr([v.tolist() if isinstance(v, np.generic) else v for v in values])


def pointwise(frame):
    """Each example as text: what is predicted, of whom, and what is known."""
    found = Counter()
    for row in plain(frame):
        history = [row[f"history_{name}"] for name in HISTORY]
        found[text([*(row[name] for name in SHARED), *history])] += 1
    return found


def weighted(frame, length):
    """The same of each position with a weight, as a model may see it."""
    found = Counter()
    for row in plain(frame):
        steps = [row[f"history_{name}"] for name in HISTORY]
        for place, weight in enumerate(row["like_sample_weight"]):
            if weight:
                item, genres, _, time = (step[place] for step in steps)
                known = row["history_visible"][place]
                history = [step[max(0, known - length) : known] for step in steps]
                user = [row["user_id"], row["age"]]
                label = row["like"][place]
                found[text([*user, item, genres, time, label, *history])] += 1
    return found


def unknown(request, events, lag):
    """Events of the user up to a request's time that the request may not know."""
    past = request["timestamp"] - events["timestamp"]
    return int(((events["user_id"] == request["user_id"]) & past.between(0, lag)).sum())


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(0, 6), st.integers(1, 4), st.integers(0, 8), st.integers(0, 2))
def test_each_example_is_one_weighted_position(rows, lag, length, room, negatives):
    spec = dataclasses.replace(
        HALVES, history_lag_seconds=lag, negatives_per_positive=negatives
    )
    events = oracle.events(*rows)
    # A row has room for a history, for what is not known yet, and for one event more.
    room += max(unknown(event, events, lag) for event in events.to_dict("records"))
    parts = build(events, spec, length, max_events=length + 1 + room)
    schema = oracle.schema(length)
    expected = build_examples(events, USERS, ITEMS, schema, spec, now=LATE)
    for name, frame in expected.items():
        assert weighted(parts[name], length) == pointwise(frame)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(len(EVENTS))))
def test_order_of_arrival_does_not_matter(order):
    spec = dataclasses.replace(SPEC, negatives_per_positive=2)
    late = EVENTS.iloc[list(order)].reset_index(drop=True)
    expected, found = build(spec=spec), build(late, spec)
    for name in expected:
        assert plain(found[name]) == plain(expected[name])


def one_user(*rows, spec=None, **arguments):
    """The train part of a user with (time, item, rating), all in it."""
    everything = spec or dataclasses.replace(
        SPEC, train_fraction=1.0, validation_fraction=0.0
    )
    events = oracle.events(*(("u0", *row) for row in rows))
    return plain(build(events, everything, **arguments)["train"])


def test_a_user_is_one_row_of_events_in_order_of_time():
    (row,) = one_user((7, "i2", 5), (5, "i1", 1), (7, "i0", 4))
    assert row["user_id"] == "u0"
    assert row["age"] == 20.0
    assert row["history_item_id"] == ["i1", "i0", "i2"]
    assert row["history_genres"] == [["b"], ["a"], ["a", "b"]]
    assert row["history_rating"] == [1, 4, 5]
    assert row["history_timestamp"] == [5, 7, 7]
    assert row["history_visible"] == [0, 1, 1]  # two events at once
    assert row["like"] == [0, 1, 1]
    assert row["like_sample_weight"] == [1, 1, 1]
    assert "item_id" not in row
    assert "device" not in row


def test_repeated_events_are_kept_and_do_not_know_each_other():
    (row,) = one_user((5, "i1", 4), (5, "i1", 4), (6, "i1", 1))
    assert row["history_item_id"] == ["i1", "i1", "i1"]
    assert row["history_visible"] == [0, 0, 2]
    assert row["like_sample_weight"] == [1, 1, 1]


def test_a_long_user_is_cut_and_each_piece_begins_with_history():
    log = [(time, f"i{time}", 1 + 4 * (time % 2)) for time in range(7)]
    rows = one_user(*log, length=2, max_events=4)
    assert [row["history_timestamp"] for row in rows] == [
        [0, 1, 2, 3],
        [2, 3, 4, 5],
        [4, 5, 6],
    ]
    assert [row["like_sample_weight"] for row in rows] == [
        [1, 1, 1, 1],
        [0, 0, 1, 1],
        [0, 0, 1],
    ]
    assert [row["history_visible"] for row in rows][1:] == [[0, 1, 2, 3], [0, 1, 2]]


def test_a_later_part_has_the_earlier_events_without_weight_or_label():
    log = [(time, f"i{time}", 5 if time % 2 else 1) for time in range(8)]
    spec = dataclasses.replace(SPEC, train_fraction=0.5, validation_fraction=0.25)
    parts = build(oracle.events(*(("u0", *row) for row in log)), spec, 9)
    (train,), (validation,), (test,) = (plain(part) for part in parts.values())
    assert train["history_timestamp"] == [0, 1, 2, 3]
    assert validation["history_timestamp"] == [0, 1, 2, 3, 4, 5]
    assert validation["like_sample_weight"] == [0, 0, 0, 0, 1, 1]
    assert validation["like"] == [0, 0, 0, 0, 0, 1]
    assert validation["history_rating"] == [1, 5, 1, 5, 1, 5]
    assert test["like_sample_weight"] == [0] * 6 + [1, 1]


def test_the_earliest_events_can_be_history_alone():
    log = [("u0", time, f"i{time}", 5) for time in range(10)] + [("u1", 1, "i1", 1)]
    spec = dataclasses.replace(
        SPEC, history_only_fraction=0.4, train_fraction=0.7, validation_fraction=0.2
    )
    (train,), (validation,), (test,) = (
        plain(part) for part in build(oracle.events(*log), spec, 9).values()
    )
    # Eleven events: four are at 0, 1, 1 and 2.
    assert train["user_id"] == "u0"
    assert train["history_timestamp"] == [0, 1, 2, 3, 4, 5]
    assert train["like_sample_weight"] == [0, 0, 0, 1, 1, 1]
    assert validation["like_sample_weight"] == [0] * 6 + [1, 1]
    assert test["like_sample_weight"] == [0] * 8 + [1, 1]


def test_users_without_an_event_in_a_part_are_not_in_it():
    rows = [("u0", 1, "i1", 5), ("u0", 2, "i1", 1), ("u1", 3, "i1", 1)]
    spec = dataclasses.replace(SPEC, train_fraction=0.7, validation_fraction=0.1)
    parts = build(oracle.events(*rows), spec)
    assert [list(part["user_id"]) for part in parts.values()] == [["u0"], [], ["u1"]]


def test_negatives_stand_behind_the_events_with_the_history_of_theirs():
    spec = dataclasses.replace(
        SPEC, train_fraction=1.0, validation_fraction=0.0, negatives_per_positive=1
    )
    (row,) = one_user((3, "i1", 5), (4, "i2", 1), (9, "i3", 5), spec=spec)
    assert row["history_item_id"][:3] == ["i1", "i2", "i3"]
    assert row["history_timestamp"] == [3, 4, 9, 3, 9]
    assert row["history_visible"] == [0, 1, 2, 0, 2]
    assert row["history_rating"] == [5, 1, 5, -1, -1]
    assert row["like"] == [1, 0, 1, 0, 0]
    assert not {*row["history_item_id"][4:]} & {"i1", "i2", "i3"}
    genres = dict(zip(ITEMS["item_id"], ITEMS["genres"], strict=True))
    drawn = row["history_item_id"]
    assert row["history_genres"] == [genres[item] for item in drawn]


def test_weights_by_user_add_up_to_one_over_all_pieces():
    rows = [("u0", time, "i1", 1 + 4 * (time % 2)) for time in range(9)]
    rows += [("u1", 3, "i1", 1), ("nobody", 4, "i2", 5)]
    spec = dataclasses.replace(SPEC, train_fraction=0.8, validation_fraction=0.1)
    parts = build(oracle.events(*rows), spec, 2, max_events=4, weighting="user")
    for frame in parts.values():
        totals = frame["like_sample_weight"].map(sum).groupby(frame["user_id"]).sum()
        np.testing.assert_allclose(totals, 1, rtol=1e-6)
    train = parts["train"]
    assert list(train["user_id"]) == ["nobody", "u0", "u0", "u1"]
    assert train["like_sample_weight"].iloc[1].tolist() == pytest.approx([1 / 6] * 4)


def test_labels_observed_in_part_and_weighted_keep_their_weights():
    schema = FeatureSchema(
        user=[Categorical("user_id")],
        item=[Categorical("item_id")],
        sequences=[Sequence("past", [Categorical("item_id")], max_length=5)],
        labels=[
            Label("click", weight="w"),
            Label("buy", observed_if="click", weight="w"),
        ],
        user_id="user_id",
        item_id="item_id",
    )
    rules = {"click": LabelRule("c"), "buy": LabelRule("b")}
    spec = dataclasses.replace(
        SPEC, labels=rules, train_fraction=1.0, validation_fraction=0.0
    )
    log = pd.DataFrame(
        {
            "user_id": ["u"] * 4,
            "item_id": ["a", "b", "c", "d"],
            "timestamp": [1, 2, 3, 4],
            "c": [1, 0, 1, 1],
            "b": [1, np.nan, 0, 1],
            "w": [2.0, 3.0, 1.0, 0.0],
        }
    )
    tables = (log, None, None, schema, spec)
    (row,) = plain(build_user_sequences(*tables, now=LATE)["train"])
    assert row["click"] == [1, 0, 1, 0]
    assert row["click_sample_weight"] == [2, 3, 1, 0]
    assert row["buy"] == [1, 0, 0, 0]
    assert row["buy_sample_weight"] == [2, 0, 1, 0]
    frame = build_user_sequences(*tables, now=LATE, weighting="user")["train"]
    assert frame["buy_sample_weight"][0].tolist() == pytest.approx([2 / 3, 0, 1 / 3, 0])


def test_settings_that_cannot_be_met_are_refused():
    log = [(5, f"i{n}", 1 + 4 * (n % 2)) for n in range(4)]
    with pytest.raises(InputError, match="`max_events`: received 3, expected at least"):
        one_user(*log, length=2, max_events=3)
    with pytest.raises(UnknownName, match="Did you mean 'target'"):
        build(weighting="targets")
    schema = dataclasses.replace(oracle.schema(), sequences=(), vocabularies=())
    with pytest.raises(InputError, match="`sequences`: received none"):
        build_user_sequences(EVENTS, USERS, ITEMS, schema, SPEC, now=LATE)


def test_labels_that_ripen_are_refused():
    schema = dataclasses.replace(oracle.schema(), labels=(Label("like", ripeness="r"),))
    with pytest.raises(InputError, match=r"`like.ripeness`: received 'r' in user"):
        build_user_sequences(EVENTS, USERS, ITEMS, schema, SPEC, now=LATE)


@pytest.mark.parametrize("name", ["history_visible", "like_sample_weight"])
def test_names_that_the_form_uses_are_refused(name):
    schema = oracle.schema()
    user = (*schema.user, Categorical(name))
    with pytest.raises(InputError, match=f"`{name}`.*user sequences add this column"):
        build_user_sequences(
            EVENTS,
            USERS.assign(**{name: "x"}),
            ITEMS,
            dataclasses.replace(schema, user=user),
            SPEC,
            now=LATE,
        )
