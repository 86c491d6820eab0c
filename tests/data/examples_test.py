"""Tests of `build_examples` against brute force."""

import dataclasses
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data import oracle
from tests.data.oracle import EVENTS, ITEMS, SPEC, USERS
from tfctr.data import LabelRule, build_examples
from tfctr.data.targets import targets
from tfctr.errors import InputError
from tfctr.features import Categorical, FeatureSchema, Label, Vector, frame_to_arrays

LATE = 10**9
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["u0", "u1", "nobody"]),
        st.integers(0, 25),
        st.sampled_from(["i0", "i1", "i2", "i3", "nothing"]),
        st.integers(1, 5),
    ),
    min_size=2,
    max_size=40,
).filter(lambda rows: len({rating >= 4 for *_, rating in rows}) == 2)


def build(events=EVENTS, spec=SPEC, length=3, **arguments):
    tables = {"users": USERS, "items": ITEMS, **arguments}
    return build_examples(
        events, tables.pop("users"), tables.pop("items"), oracle.schema(length), spec,
        **{"now": LATE, **tables},
    )  # fmt: skip


def everything(parts):
    return pd.concat(parts.values(), ignore_index=True)


def plain(frame):
    """Rows as dicts of plain Python values."""
    rows = frame.to_dict("records")
    return [
        {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in row.items()}
        for row in rows
    ]


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(0, 6), st.integers(1, 4), st.sampled_from([0, 0.3]))
def test_examples_are_those_of_brute_force(rows, lag, length, early):
    spec = dataclasses.replace(
        SPEC,
        history_lag_seconds=lag,
        history_only_fraction=early,
        train_fraction=0.5,
        validation_fraction=0.2,
    )
    events = oracle.events(*rows)
    log = events.to_dict("records")
    genres = dict(zip(ITEMS["item_id"], ITEMS["genres"], strict=True))
    ages = dict(zip(USERS["user_id"], USERS["age"], strict=True))
    by = ("timestamp", "user_id", "item_id", "rating")
    expected: dict[str, list[dict]] = {"train": [], "validation": [], "test": []}
    for event in sorted(log, key=lambda e: [e[name] for name in by]):
        history = oracle.past(log, event, lag, length)
        example = {
            "user_id": event["user_id"],
            "age": ages.get(event["user_id"], "missing"),
            "item_id": event["item_id"],
            "genres": genres.get(event["item_id"], []),
            "timestamp": event["timestamp"],
            "device": "phone",
            "history_item_id": [e["item_id"] for e in history],
            "history_genres": [genres.get(e["item_id"], []) for e in history],
            "history_rating": [e["rating"] for e in history],
            "history_timestamp": [e["timestamp"] for e in history],
            "like": float(event["rating"] >= 4),
        }
        if oracle.split_name(log, event["timestamp"], early, 1.0) == "train":
            continue  # in histories alone
        split = oracle.split_name(log, event["timestamp"], 0.5, 0.7)
        expected[split].append(example)
    parts = build(events, spec, length)
    found = {name: plain(frame.fillna({"age": -1})) for name, frame in parts.items()}
    for rows_of_split in expected.values():
        for row in rows_of_split:
            row["age"] = -1 if row["age"] == "missing" else row["age"]
    assert found == expected


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(len(EVENTS))))
def test_order_of_arrival_does_not_matter(order):
    spec = dataclasses.replace(SPEC, negatives_per_positive=2)
    late = EVENTS.iloc[list(order)].reset_index(drop=True)
    expected, found = build(spec=spec), build(late, spec)
    for name in expected:
        assert plain(found[name]) == plain(expected[name])


def test_repeated_events_in_any_order_give_one_result():
    rows = [("u0", 5, "i1", rating) for rating in (5, 2, 4, 1)]
    rows += [("u0", 6, "i1", 3)]
    spec = dataclasses.replace(SPEC, train_fraction=1.0, validation_fraction=0.0)
    for order in ([0, 1, 2, 3, 4], [4, 3, 1, 2, 0]):
        train = build(oracle.events(*(rows[n] for n in order)), spec, 9)["train"]
        assert train["history_rating"].iloc[-1].tolist() == [1, 2, 4, 5]
        assert train["like"].tolist() == [0.0, 0.0, 1.0, 1.0, 0.0]


def test_negatives_share_the_request_and_have_label_zero():
    spec = dataclasses.replace(SPEC, negatives_per_positive=2)
    events = EVENTS.head(12)  # each user saw 4 of the 8 items
    plainly, sampled = everything(build(events)), everything(build(events, spec))
    positives = int(plainly["like"].sum())
    assert len(sampled) == len(plainly) + 2 * positives
    assert sampled["like"].sum() == positives
    request = ["user_id", "age", "timestamp", "device"]
    for place in np.flatnonzero(sampled["like"] == 1):
        event, drawn = sampled.iloc[place], sampled.iloc[place + 1 : place + 3]
        assert (drawn["like"] == 0).all()
        for _, row in drawn.iterrows():
            assert row[request].tolist() == event[request].tolist()
            history = row["history_item_id"].tolist()
            assert history == event["history_item_id"].tolist()
            genres = ITEMS.set_index("item_id")["genres"][row["item_id"]]
            assert list(row["genres"]) == genres


@settings(max_examples=40, deadline=None)
@given(ROWS, st.integers(1, 4))
def test_negatives_were_not_seen_up_to_and_at_that_time(rows, count):
    spec = dataclasses.replace(SPEC, negatives_per_positive=count)
    events = oracle.events(*rows)
    sampled = everything(build(events, spec, keep=["rating"]))
    # An event keeps its own rating; a negative has that of the event it belongs to.
    for _, row in sampled[sampled["like"] != (sampled["rating"] >= 4)].iterrows():
        seen = events[
            (events["user_id"] == row["user_id"])
            & (events["timestamp"] <= row["timestamp"])
        ]
        assert row["item_id"] not in set(seen["item_id"])
        assert row["item_id"] in set(ITEMS["item_id"])


@settings(max_examples=40, deadline=None)
@given(ROWS, st.integers(1, 3), st.integers(0, 6))
def test_repeated_negatives_are_known_items_without_an_event_now(rows, count, lag):
    spec = dataclasses.replace(
        SPEC, repeat_negatives_per_positive=count, history_lag_seconds=lag
    )
    events = oracle.events(*rows)
    sampled = everything(build(events, spec, keep=["rating"]))
    drawn = sampled[sampled["like"] != (sampled["rating"] >= 4)]
    expected = Counter()
    for event in events[events["rating"] >= 4].to_dict("records"):
        own = events[events["user_id"] == event["user_id"]]
        known = set(own[own["timestamp"] < event["timestamp"] - lag]["item_id"])
        now = set(own[own["timestamp"] == event["timestamp"]]["item_id"])
        expected[event["user_id"], event["timestamp"]] += min(count, len(known - now))
        here = drawn[
            (drawn["user_id"] == event["user_id"])
            & (drawn["timestamp"] == event["timestamp"])
        ]
        assert set(here["item_id"]) <= known - now
    found = Counter(zip(drawn["user_id"], drawn["timestamp"], strict=True))
    assert found == Counter({key: n for key, n in expected.items() if n})


def test_only_items_of_now_are_left_out_if_the_user_comes_back_to_items():
    rows = [("u0", 10 * n, f"i{n % 2}", 5) for n in range(8)]
    spec = dataclasses.replace(
        SPEC,
        negatives_per_positive=20,
        negatives_exclude="now",
        train_fraction=1.0,
        validation_fraction=0.0,
    )
    train = build(oracle.events(*rows), spec)["train"]
    for time, group in train.groupby("timestamp"):
        bought = f"i{time // 10 % 2}"
        others = set(ITEMS["item_id"]) - {bought}
        assert set(group[group["like"] == 0]["item_id"]) == others
        assert group["item_id"].is_unique


def test_negatives_come_from_the_candidates_of_their_time():
    spec = dataclasses.replace(SPEC, negatives_per_positive=9)
    pools = {0: ["i0", "i1"], 1: ["i2", "i3"]}
    late = 1_150
    found = everything(
        build(spec=spec, candidates=lambda t: pools[int(t >= late)], keep=["rating"])
    )
    drawn = found[(found["like"] == 0) & (found["rating"] >= 4)]
    assert set(drawn[drawn["timestamp"] < late]["item_id"]) <= {"i0", "i1"}
    assert set(drawn[drawn["timestamp"] >= late]["item_id"]) <= {"i2", "i3"}
    assert len(drawn)


def test_users_and_items_that_tables_lack_are_missing_and_counted():
    rows = [("u0", 1, "i0", 5), ("ghost", 2, "i0", 1), ("u0", 3, "gone", 4)]
    rows += [("u0", 4, "i1", 1)]
    spec = dataclasses.replace(SPEC, train_fraction=1.0, validation_fraction=0.0)
    train = build(oracle.events(*rows), spec)["train"]
    assert np.isnan(train["age"][1])
    assert train["genres"][2] == []
    assert [list(genres) for genres in train["history_genres"][3]] == [["a"], []]
    assert train.attrs == {"unknown_users": 1, "unknown_items": 1}


def test_integer_ids_stay_integers():
    schema = FeatureSchema(
        user=[Categorical("user", dtype="int64")],
        item=[Categorical("item", dtype="int64")],
        labels=[Label("click")],
        user_id="user",
        item_id="item",
    )
    events = pd.DataFrame(
        {"user": [1, 1, 2], "item": [10, 11, 10], "time": [1, 2, 3], "c": [1, 0, 1]}
    )
    spec = dataclasses.replace(
        SPEC, user_key="user", item_key="item", time_key="time",
        labels={"click": LabelRule("c")}, negatives_per_positive=1,
    )  # fmt: skip
    found = everything(build_examples(events, None, None, schema, spec))
    assert found["item"].dtype == "int64"
    assert found["item"].tolist() == [10, 11, 11, 10, 11]


def test_missing_vectors_are_nan_and_weights_of_negatives_one():
    schema = FeatureSchema(
        user=[Categorical("user_id")],
        item=[Categorical("item_id"), Vector("plot", dim=2)],
        labels=[Label("like", weight="importance")],
        user_id="user_id",
        item_id="item_id",
    )
    items = pd.DataFrame({"item_id": ["i0", "i1"], "plot": [[1.0, 2.0], None]})
    events = oracle.events(("u0", 1, "i0", 5), ("u0", 2, "i1", 1), ("u0", 3, "x", 1))
    events["importance"] = [0.5, 2.0, 3.0]
    spec = dataclasses.replace(SPEC, negatives_per_positive=1)
    found = everything(build_examples(events, None, items, schema, spec))
    plots = frame_to_arrays(schema, found)["plot"]
    nothing = [np.nan, np.nan]
    np.testing.assert_array_equal(plots, [[1, 2], nothing, nothing, nothing])
    assert found["importance"].tolist() == [0.5, 1.0, 2.0, 3.0]
    assert found["like"].tolist() == [1, 0, 0, 0]


def test_a_user_feature_without_a_user_table_is_refused():
    with pytest.raises(InputError, match="`age`: received users with the columns"):
        build(users=None)


def test_examples_fit_the_schema():
    arrays = frame_to_arrays(oracle.schema(), build()["train"])
    assert arrays["history_genres"].shape == (24, 3, 2)
    assert arrays["history_item_id"].shape == (24, 3)


def test_values_are_the_column_where_they_are_observed():
    """Beside the labels of 0 and 1; what is drawn has a value of 0."""
    schema = oracle.schema(3)
    spend = Label("spend", observed_if="like", kind="value")
    schema = dataclasses.replace(schema, labels=(*schema.labels, spend))
    amount = np.where(EVENTS["rating"] >= 4, EVENTS["rating"] * 1.5, np.nan)
    events = EVENTS.assign(amount=amount)
    rules = {**SPEC.labels, "spend": LabelRule("amount", is_value=True)}
    spec = dataclasses.replace(SPEC, labels=rules, negatives_per_positive=1)
    found = everything(build_examples(events, USERS, ITEMS, schema, spec, now=LATE))
    liked = found["like"] == 1
    expected = 1.5 * EVENTS["rating"][EVENTS["rating"] >= 4]
    assert sorted(found["spend"][liked]) == sorted(expected.astype("float32"))
    y, weights = targets(found, schema)
    np.testing.assert_array_equal(weights["spend"] > 0, liked)
    assert not y["spend"][~liked].any()
