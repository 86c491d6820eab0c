"""Tests of where the columns of examples come from."""

import dataclasses

from tests.data import oracle
from tfctr.data.behaviour import Source, example_sources
from tfctr.features import Categorical, Sequence, Timestamp

SPEC = dataclasses.replace(
    oracle.SPEC, user_key="person", item_key="film", time_key="when"
)
EVENTS = ["person", "film", "when", "device", "rating"]


def sources(events=EVENTS, items=("film", "genres"), schema=None):
    return example_sources(schema or oracle.schema(), SPEC, events, items)


def test_ids_and_times_come_from_the_keys_of_the_event():
    found = sources()
    assert found["user_id"] == Source("event", "person")
    for name in ("item_id", "history_item_id"):
        assert found[name] == Source("event", "film")
    for name in ("timestamp", "history_timestamp"):
        assert found[name] == Source("event", "when")


def test_other_features_come_from_the_table_of_their_role():
    found = sources()
    assert found["age"] == Source("user", "age")
    assert found["genres"] == Source("item", "genres")
    assert found["device"] == Source("event", "device")


def test_past_events_have_item_features_of_the_item_table():
    assert sources()["history_genres"] == Source("item", "genres")
    both = sources(events=[*EVENTS, "genres"])
    assert both["history_genres"] == Source("item", "genres")


def test_past_events_have_their_own_columns_also_where_items_have_such_too():
    assert sources()["history_rating"] == Source("event", "rating")
    both = sources(items=("film", "genres", "rating"))
    assert both["history_rating"] == Source("event", "rating")


def test_what_only_the_item_table_has_comes_from_there():
    found = sources(events=EVENTS[:4], items=("film", "genres", "rating"))
    assert found["history_rating"] == Source("item", "rating")


def test_every_raw_column_has_a_source():
    names = [column.name for column in oracle.schema().raw_columns()]
    assert list(sources()) == names


def test_the_time_of_a_past_event_may_have_another_name():
    past = Sequence(
        "past", [Categorical("item_id")], timestamp=Timestamp("seen"), max_length=2
    )
    schema = dataclasses.replace(oracle.schema(), sequences=(past,), vocabularies=())
    assert sources(schema=schema)["past_seen"] == Source("event", "when")
