"""Tests of `tfctr.features.vocabularies`: kinds that exclude each other, and tables."""

import pytest

from tests.features.shop import small_schema
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, FeatureSchema, Timestamp, Vocabulary

HASHED = {"num_hash_buckets": 9}


def shared(**item):
    """A schema whose users and items share a table."""
    user = Vocabulary("user_id", num_hash_buckets=9, table="ids")
    other = Vocabulary("item_id", **{**HASHED, "table": "ids", **item})
    return small_schema(vocabularies=[user, other])


@pytest.mark.parametrize("value", [0, -1, 1.5, "3"])
@pytest.mark.parametrize("field", ["num_hashes", "capacity", "max_age"])
def test_numbers_have_to_be_positive_and_whole(field, value):
    with pytest.raises(InputError, match="a positive whole number") as caught:
        Vocabulary("a", **{"capacity": 3, field: value})
    assert caught.value.field == f"a.{field}"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"values": ("x",), "num_hash_buckets": 3}, "num_hash_buckets"),
        ({"values": ("x",), "capacity": 3}, "capacity"),
        ({"num_hash_buckets": 3, "capacity": 3}, "capacity"),
        ({"num_hashes": 2}, "num_hashes"),
        ({"num_hashes": 2, "values": ("x",)}, "num_hashes"),
        ({"num_hashes": 2, "capacity": 3}, "num_hashes"),
        ({"table": "ids"}, "table"),
        ({"table": "no name", "num_hash_buckets": 3}, "table.name"),
        ({"num_hash_buckets": 2**31}, "num_hash_buckets"),
        ({"max_age": 3}, "max_age"),
        ({"max_age": 3, "num_hash_buckets": 3}, "max_age"),
        ({"capacity": 3, "max_size": 4}, "max_size"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, field):
    with pytest.raises(InputError) as caught:
        Vocabulary("a", **settings)
    assert caught.value.field == f"a.{field}"


@pytest.mark.parametrize(
    ("vocabulary", "learnt", "is_open", "fingerprinted"),
    [
        (Vocabulary("a"), True, False, False),
        (Vocabulary("a", capacity=3), True, True, False),
        (Vocabulary("a", values=()), False, False, False),
        (Vocabulary("a", **HASHED), False, False, False),
        (Vocabulary("a", **HASHED, table="a"), False, False, False),
        (Vocabulary("a", **HASHED, num_hashes=2), False, False, True),
        (Vocabulary("a", **HASHED, table="b"), False, False, True),
    ],
)
def test_each_kind_is_told_apart(vocabulary, learnt, is_open, fingerprinted):
    assert vocabulary.is_learnt is learnt
    assert vocabulary.is_open is is_open
    assert vocabulary.is_fingerprinted is fingerprinted


def test_vocabulary_has_a_table_of_its_own_name_by_default():
    schema = small_schema(vocabularies=[Vocabulary("user_id", **HASHED)])
    assert schema.table("user_id") == "user_id"
    assert schema.table("item_id") == "item_id"


def test_open_vocabulary_learns_no_more_values_at_once_than_it_has_rows():
    assert Vocabulary("a", capacity=3).max_size == 3


def test_size_is_that_of_the_table():
    assert shared().size("user_id") == shared().size("item_id") == 1 + 9
    assert shared().table("user_id") == shared().table("item_id") == "ids"
    several = Vocabulary("item_id", num_hash_buckets=9, num_hashes=3)
    assert small_schema(vocabularies=[several]).size("item_id") == 1 + 9
    room = Vocabulary("item_id", capacity=7, num_oov=2)
    assert small_schema(vocabularies=[room]).size("item_id") == 1 + 2 + 7


def test_vocabularies_of_one_table_agree_on_its_rows():
    with pytest.raises(InputError, match=r"8 in table 'ids', expected 9, as 'user_id'"):
        shared(num_hash_buckets=8)
    assert shared(num_hashes=3).vocabulary("item_id").num_hashes == 3


def test_shared_table_is_not_called_like_a_vocabulary():
    with pytest.raises(InputError, match=r"item_id\.table.*'user_id', the name of"):
        small_schema(vocabularies=[Vocabulary("item_id", **HASHED, table="user_id")])


def test_shared_table_is_not_called_like_a_calendar_feature():
    with pytest.raises(InputError, match=r"item_id\.table.*'time_hour', the name of"):
        small_schema(
            context=[Timestamp("time", calendar=("hour",))],
            vocabularies=[Vocabulary("item_id", **HASHED, table="time_hour")],
        )


def test_schema_of_every_kind_comes_back_from_json():
    schema = small_schema(
        context=[Categorical("url")],
        vocabularies=[
            Vocabulary("user_id", num_hash_buckets=9, table="ids"),
            Vocabulary("item_id", capacity=5, min_count=2, max_age=60),
            Vocabulary("url", num_hash_buckets=9, num_hashes=3, table="ids"),
        ],
    )
    again = FeatureSchema.from_json(schema.to_json())
    assert again == schema
    assert again.vocabulary("item_id").max_age == 60
    assert again.vocabulary("url").num_hashes == 3


def test_schema_written_before_there_were_these_kinds_is_read():
    data = small_schema(vocabularies=[Vocabulary("item_id", min_count=2)]).to_dict()
    for vocabulary in data["vocabularies"]:
        for field in ("num_hashes", "table", "capacity", "max_age"):
            del vocabulary[field]
    schema = FeatureSchema.from_dict(data)
    assert schema.vocabulary("item_id") == Vocabulary("item_id", min_count=2)


def test_min_counts_are_set_before_values_are_learnt():
    schema = small_schema(
        vocabularies=[
            Vocabulary("user_id", num_hash_buckets=9),
            Vocabulary("item_id", max_size=5),
        ]
    )
    found = schema.with_min_counts({"item_id": 2})
    assert found.vocabulary("item_id") == Vocabulary("item_id", max_size=5, min_count=2)
    assert found.vocabulary("user_id") == schema.vocabulary("user_id")
    assert schema.with_min_counts({}) == schema
    with pytest.raises(InputError, match=r"`user_id\.min_count`"):
        schema.with_min_counts({"user_id": 2})
    with pytest.raises(UnknownName, match="Did you mean 'item_id'"):
        schema.with_min_counts({"item": 2})
    with pytest.raises(InputError, match=r"`item_id\.min_count`"):
        schema.with_min_counts({"item_id": 0})
