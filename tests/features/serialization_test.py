"""Tests of `tfctr.features.serialization`."""

import json

import pytest
from hypothesis import given, settings

from tests.features.shop import SCHEMA, small_schema
from tests.features.strategies import schemas
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, FeatureSchema, Sequence, Timestamp

DATA = small_schema().to_dict()


def read(**changes):
    return FeatureSchema.from_dict({**DATA, **changes})


@given(schemas())
@settings(max_examples=60, deadline=None)
def test_schema_comes_back_from_json(schema):
    again = FeatureSchema.from_json(schema.to_json())
    assert again == schema
    assert hash(again) == hash(schema)
    assert again.to_json() == schema.to_json()


def test_schema_with_every_kind_comes_back_from_json():
    again = FeatureSchema.from_json(SCHEMA.to_json())
    assert again == SCHEMA
    assert again.raw_columns() == SCHEMA.raw_columns()


def test_data_is_made_of_json_types_only():
    data = SCHEMA.to_dict()
    assert json.loads(json.dumps(data)) == data


def test_data_is_written_by_field_and_kind():
    schema = small_schema(
        sequences=[
            Sequence("h", (Categorical("item_id"),), Timestamp("t"), max_length=3)
        ]
    )
    assert schema.to_dict()["user"] == [
        {
            "kind": "categorical",
            "name": "user_id",
            "dtype": "string",
            "vocabulary": "user_id",
            "max_values": None,
        }
    ]
    history = schema.to_dict()["sequences"][0]
    assert history["max_length"] == 3
    assert history["timestamp"]["kind"] == "timestamp"
    assert schema.to_dict()["version"] == 1


def test_left_out_fields_take_their_defaults():
    feature = {"kind": "categorical", "name": "user_id"}
    assert read(user=[feature]).user == (Categorical("user_id"),)


@pytest.mark.parametrize(
    ("changes", "name", "near"),
    [
        ({"users": []}, "users", "user"),
        ({"user": [{"kind": "categorial"}]}, "categorial", "categorical"),
        (
            {"user": [{"kind": "categorical", "name": "a", "max_value": 1}]},
            "max_value",
            "max_values",
        ),
        ({"labels": [{"name": "click", "observed": "a"}]}, "observed", "observed_if"),
        ({"sequences": [{"features": [], "max_len": 3}]}, "max_len", None),
        (
            {"vocabularies": [{"name": "user_id", "min_counts": 3}]},
            "min_counts",
            "min_count",
        ),
    ],
)
def test_unknown_key_is_refused_with_the_nearest(changes, name, near):
    with pytest.raises((UnknownName, InputError)) as caught:
        read(**changes)
    if near is not None:
        assert isinstance(caught.value, UnknownName)
        assert caught.value.name == name
        assert f"Did you mean {near!r}" in str(caught.value)


def test_unknown_key_of_a_sequence_is_refused():
    history = SCHEMA.to_dict()["sequences"][0]
    with pytest.raises(UnknownName, match="Did you mean 'max_length'"):
        read(sequences=[{**history, "max_lenght": 3}])


def test_missing_field_is_named():
    data = {key: value for key, value in DATA.items() if key != "item_id"}
    with pytest.raises(InputError, match="item_id"):
        FeatureSchema.from_dict(data)


@pytest.mark.parametrize("version", [None, 0, 2, "1"])
def test_other_version_is_refused(version):
    with pytest.raises(InputError, match=r"`version`: received .*schema version 1"):
        read(version=version)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"user": ["user_id"]}, "feature"),
        ({"labels": ["click"]}, "Label"),
        ({"sequences": ["history"]}, "sequence"),
    ],
)
def test_text_in_place_of_a_table_is_refused(changes, field):
    with pytest.raises(InputError, match=f"`{field}`: received .*a table"):
        read(**changes)


def test_json_that_is_no_table_is_refused():
    with pytest.raises(InputError, match=r"received 3, expected a table"):
        FeatureSchema.from_json("3")


def test_checks_of_the_specs_hold_for_files_too():
    with pytest.raises(InputError, match=r"user_id\.max_values.*received 0"):
        read(user=[{"kind": "categorical", "name": "user_id", "max_values": 0}])
