"""Bad tables: each error names the field, what came and what was expected."""

import dataclasses

import numpy as np
import pytest

from tests.data import oracle
from tests.data.oracle import EVENTS, ITEMS, SPEC, USERS
from tfctr.data import LabelRule
from tfctr.data.validation import check_tables
from tfctr.errors import InputError, UnknownName
from tfctr.features import Label

NOW = 2_000


def check(events=EVENTS, users=USERS, items=ITEMS, spec=SPEC, schema=None):
    return check_tables(events, users, items, schema or oracle.schema(), spec, now=NOW)


def with_cell(table, column, row, value):
    changed = table.copy()
    changed[column] = changed[column].astype(object)
    changed.at[row, column] = value
    return changed


def test_good_tables_pass():
    tables = check()
    assert tables.times.tolist() == EVENTS["timestamp"].tolist()
    assert tables.labels["like"].tolist() == (EVENTS["rating"] >= 4).tolist()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "user_id",
            None,
            "`user_id`: received None in row 7 of events, expected an id",
        ),
        ("user_id", "", "`user_id`: received '' in row 7 of events, expected an id"),
        ("item_id", np.nan, "`item_id`: received nan in row 7 of events"),
        (
            "item_id",
            5,
            "`item_id`: received 5 in row 7 of events, expected text.*astype",
        ),
        ("rating", "good", "`rating`: received 'good' in row 7 .*expected a number"),
        ("rating", None, "`rating`: received nothing in row 7 .*label `like`"),
        ("timestamp", "soon", "`timestamp`: received 'soon' in row 7 .*whole seconds"),
        ("timestamp", None, "`timestamp`: received None in row 7 .*whole seconds"),
        ("timestamp", 1.5, "`timestamp`: received 1.5 in row 7 of events"),
        ("timestamp", -1, "`timestamp`: received -1 in row 7 of events"),
        ("timestamp", NOW + 1, "`timestamp`: received 2001 .* a time up to now, 2000"),
        ("timestamp", 1_700_000_000_000, "in row 7 .*milliseconds: divide"),
        (
            "device",
            ["a"],
            r"`device`: received \['a'\] in row 7 of events, expected text",
        ),
    ],
)
def test_bad_cells_of_events_are_named(column, value, message):
    with pytest.raises(InputError, match=message):
        check(events=with_cell(EVENTS, column, 7, value))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("age", "old", "`age`: received 'old' in row 1 of users, expected a finite"),
        ("age", np.inf, "`age`: received inf in row 1 of users"),
        ("user_id", None, "`user_id`: received None in row 1 of users, expected an id"),
        ("user_id", "u0", "`user_id`: received 'u0' in rows 0 and 1 of users"),
    ],
)
def test_bad_cells_of_users_are_named(column, value, message):
    with pytest.raises(InputError, match=message):
        check(users=with_cell(USERS, column, 1, value))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "genres",
            "a|b",
            r"`genres`: received 'a\|b' in row 2 of items, expected a list",
        ),
        ("genres", ["a", 3], "`genres`: received 3 in row 1 of row 2 of items"),
        ("item_id", "i7", "`item_id`: received 'i7' in rows 2 and 7 of items"),
    ],
)
def test_bad_cells_of_items_are_named(column, value, message):
    with pytest.raises(InputError, match=message):
        check(items=with_cell(ITEMS, column, 2, value))


@pytest.mark.parametrize("column", list(EVENTS))
def test_missing_columns_of_events_are_named(column):
    message = f"`{column}`: received events with the columns .*expected a column"
    with pytest.raises(InputError, match=message):
        check(events=EVENTS.drop(columns=column))


def test_missing_columns_of_users_and_items_are_named():
    with pytest.raises(InputError, match="`user_id`: received users with"):
        check(users=USERS.drop(columns="user_id"))
    with pytest.raises(InputError, match=r"`genres`: .* Did you mean 'genre'"):
        check(items=ITEMS.rename(columns={"genres": "genre"}))


@pytest.mark.parametrize("table", ["events", "users", "items"])
def test_tables_without_rows_are_refused(table):
    frame = {"events": EVENTS, "users": USERS, "items": ITEMS}[table]
    with pytest.raises(InputError, match=f"`{table}`: received no rows"):
        check(**{table: frame.head(0)})


@pytest.mark.parametrize(("rating", "only"), [(5, 1), (1, 0)])
def test_labels_of_one_class_are_refused(rating, only):
    message = f"`like`: received only {only} in all 30 events .*expected both 0 and 1"
    with pytest.raises(InputError, match=message):
        check(events=EVENTS.assign(rating=rating))


def test_positives_alone_are_fine_with_negative_sampling():
    spec = dataclasses.replace(SPEC, negatives_per_positive=1)
    assert check(events=EVENTS.assign(rating=5), spec=spec).labels["like"].all()
    with pytest.raises(InputError, match="received only 0"):
        check(events=EVENTS.assign(rating=1), spec=spec)


def test_a_label_without_a_condition_must_be_0_or_1():
    spec = dataclasses.replace(SPEC, labels={"like": LabelRule("rating")})
    with pytest.raises(InputError, match=r"`rating`: received 2 in row 1 .*0 or 1"):
        check(spec=spec)


def test_rules_and_labels_must_have_the_same_names():
    with pytest.raises(UnknownName, match="Did you mean 'like'"):
        check(spec=dataclasses.replace(SPEC, labels={"likes": LabelRule("rating")}))
    schema = dataclasses.replace(oracle.schema(), labels=(Label("like"), Label("buy")))
    with pytest.raises(InputError, match="`buy`: received rules for like"):
        check(schema=schema)


def test_a_label_may_be_missing_where_it_is_not_observed():
    schema = dataclasses.replace(
        oracle.schema(), labels=(Label("like"), Label("buy", observed_if="like"))
    )
    rules = {**SPEC.labels, "buy": LabelRule("bought")}
    spec = dataclasses.replace(SPEC, labels=rules)
    bought = np.where(EVENTS["rating"] >= 4, EVENTS["rating"] - 4.0, np.nan)
    labels = check(EVENTS.assign(bought=bought), spec=spec, schema=schema).labels
    assert np.isnan(labels["buy"][(EVENTS["rating"] < 4).to_numpy()]).all()
    bought[3] = np.nan  # an event with rating 4
    with pytest.raises(InputError, match="`bought`: received nothing in row 3"):
        check(EVENTS.assign(bought=bought), spec=spec, schema=schema)


@pytest.mark.parametrize("weight", [-1.0, np.nan, "much"])
def test_bad_weights_are_named(weight):
    schema = dataclasses.replace(oracle.schema(), labels=(Label("like", weight="w"),))
    events = with_cell(EVENTS.assign(w=1.0), "w", 4, weight)
    with pytest.raises(InputError, match=r"`w`: received .* in row 4 .*at least 0"):
        check(events=events, schema=schema)


def test_the_clock_says_what_the_future_is():
    future = EVENTS.assign(timestamp=7_000_000_000)  # the year 2191
    with pytest.raises(InputError, match="a time up to now"):
        check_tables(future, USERS, ITEMS, oracle.schema(), SPEC)
