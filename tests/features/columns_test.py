"""Tests of `tfctr.features.columns`."""

import math

from tests.features.shop import SCHEMA


def facts(columns):
    return {c.name: (c.dtype, c.shape, c.role) for c in columns}


HISTORY = {
    "history_item_id": ("string", (4,), "sequence"),
    "history_category": ("string", (4, 2), "sequence"),
    "history_action": ("string", (4,), "sequence"),
    "history_price": ("float32", (4,), "sequence"),
    "history_picture": ("float32", (4, 3), "sequence"),
    "history_time": ("int64", (4,), "sequence"),
    "history_long_item_id": ("string", (6,), "sequence"),
}


def test_raw_columns_of_every_kind():
    assert facts(SCHEMA.raw_columns()) == {
        "user_id": ("string", (), "user"),
        "age": ("float32", (), "user"),
        "interests": ("string", (3,), "user"),
        "item_id": ("string", (), "item"),
        "category": ("string", (2,), "item"),
        "price": ("float32", (), "item"),
        "picture": ("float32", (3,), "item"),
        "brand": ("int64", (), "item"),
        "time": ("int64", (), "context"),
        "device": ("string", (), "context"),
        "distance": ("float32", (), "context"),
        **HISTORY,
    }


def test_encoded_ids_are_int32_and_times_bring_their_calendar():
    encoded = facts(SCHEMA.encoded_columns())
    assert encoded["interests"] == ("int32", (3,), "user")
    assert encoded["brand"] == ("int32", (), "item")
    assert encoded["picture"] == ("float32", (3,), "item")
    assert encoded["history_category"] == ("int32", (4, 2), "sequence")
    added = encoded.keys() - facts(SCHEMA.raw_columns()).keys()
    assert {name: encoded[name] for name in added} == {
        "time_hour": ("int32", (), "context"),
        "time_weekday": ("int32", (), "context"),
        "history_time_month": ("int32", (4,), "sequence"),
    }
    assert encoded["time"] == ("int64", (), "context")


def test_columns_come_by_role_in_the_order_of_the_declaration():
    columns = SCHEMA.raw_columns(["sequence", "item"])
    assert [column.name for column in columns] == [
        *HISTORY,
        *("item_id", "category", "price", "picture", "brand"),
    ]


def test_columns_of_a_sequence_know_it():
    of = {column.name: column.sequence for column in SCHEMA.raw_columns()}
    assert of["history_time"] is SCHEMA.sequences[0]
    assert of["history_long_item_id"] is SCHEMA.sequences[1]
    assert of["time"] is None


def test_missing_value_of_each_dtype():
    assert SCHEMA.column("device").missing == ""
    assert SCHEMA.column("brand").missing == -1
    assert math.isnan(SCHEMA.column("age").missing)
