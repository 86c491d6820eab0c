"""Tests of `tfctr.features.FeatureSchema`."""

import pytest

from tests.features.shop import SCHEMA, small_schema
from tfctr.errors import InputError, UnknownName
from tfctr.features import (
    Categorical,
    FeatureSchema,
    Label,
    Numeric,
    Sequence,
    Timestamp,
    Vocabulary,
)

HISTORY = Sequence("history", (Categorical("item_id"),), max_length=3)


def refused(match, **changes):
    with pytest.raises(InputError, match=match):
        small_schema(**changes)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"context": [Numeric("user_id")]}, "user_id"),
        ({"context": [Numeric("click")]}, "click"),
        ({"context": [Categorical("history_item_id")]}, "history_item_id"),
        (
            {"context": [Timestamp("t", calendar=("hour",)), Numeric("t_hour")]},
            "t_hour",
        ),
        ({"labels": [Label("click"), Label("click")]}, "click"),
        ({"labels": [Label("click", weight="user_id")]}, "user_id"),
    ],
)
def test_two_columns_of_one_name_are_refused(changes, name):
    refused(f"`{name}`: received two columns", sequences=[HISTORY], **changes)


def test_labels_may_share_a_weight():
    labels = [Label("click", weight="w"), Label("buy", weight="w")]
    assert small_schema(labels=labels).label_columns() == ["click", "buy", "w"]


def test_two_sequences_of_one_name_are_refused():
    other = Sequence("history", (Categorical("shop"),))
    refused("`history`: received two sequences", sequences=[HISTORY, other])


def test_two_vocabularies_of_one_name_are_refused():
    twice = [Vocabulary("user_id"), Vocabulary("user_id", num_oov=2)]
    refused("`user_id`: received two vocabularies", vocabularies=twice)


def test_name_of_the_group_column_is_kept_free():
    refused("`group_id`", context=[Categorical("group_id")])


def test_vocabulary_does_not_share_a_table_with_the_calendar():
    refused(
        "'time_hour', the name of a calendar feature",
        context=[
            Timestamp("time", calendar=("hour",)),
            Categorical("slot", vocabulary="time_hour"),
        ],
    )


def test_schema_needs_a_label():
    refused("`labels`: received none", labels=[])


@pytest.mark.parametrize(
    ("changes", "near"),
    [
        ({"user_id": "userid"}, "user_id"),
        ({"item_id": "item"}, "item_id"),
        ({"context": [Timestamp("time")], "timestamp": "tim"}, "time"),
        (
            {"labels": [Label("click"), Label("buy", observed_if="klick")]},
            "click",
        ),
        ({"vocabularies": [Vocabulary("user_ids")]}, "user_id"),
        ({"sizes": {"itemid": 3}}, "item_id"),
    ],
)
def test_dangling_reference_is_refused_with_the_nearest(changes, near):
    with pytest.raises(UnknownName, match=f"Did you mean '{near}'"):
        small_schema(**changes)


def test_request_time_has_to_be_a_timestamp_of_the_context():
    with pytest.raises(UnknownName, match="`timestamp`: received 'time'"):
        small_schema(context=[Numeric("time")], timestamp="time")


@pytest.mark.parametrize("role", ["user", "item"])
@pytest.mark.parametrize("make", [Numeric, lambda n: Categorical(n, max_values=2)])
def test_ids_have_to_be_single_valued_categoricals(role, make):
    name = f"{role}_id"
    refused(f"`{name}`: received .*single-valued", **{role: [make(name)]})


def test_vocabularies_without_settings_are_learnt_with_defaults():
    schema = small_schema(
        context=[Categorical("device", vocabulary="things")],
        vocabularies=[Vocabulary("item_id", num_oov=3)],
    )
    assert schema.vocabularies == (
        Vocabulary("user_id"),
        Vocabulary("item_id", num_oov=3),
        Vocabulary("things"),
    )
    assert schema.vocabulary("things") == Vocabulary("things")


def test_size_counts_missing_and_unknown_rows():
    sized = SCHEMA.with_sizes({"user_id": 6})
    assert sized.size("user_id") == 6  # as learnt
    assert sized.size("brand") == 1 + 5  # missing, buckets
    assert sized.size("device") == 1 + 3 + 2  # missing, unknown, values


def test_size_of_what_is_not_learnt_says_what_to_do():
    with pytest.raises(InputError, match=r"schema\.fit\(frame\)"):
        SCHEMA.size("user_id")


@pytest.mark.parametrize(
    ("ask", "near"),
    [
        (lambda: SCHEMA.size("user"), "user_id"),
        (lambda: SCHEMA.vocabulary("divice"), "device"),
        (lambda: SCHEMA.column("history_item"), "history_item_id"),
        (lambda: SCHEMA.raw_columns(["contexts"]), "context"),
    ],
)
def test_unknown_name_is_refused_with_the_nearest(ask, near):
    with pytest.raises(UnknownName, match=f"'{near}'"):
        ask()


def test_vocabulary_is_learnt_outside_of_histories():
    names = [column.name for column in SCHEMA.vocabulary_columns("category")]
    assert names == ["interests", "category"]


def test_vocabulary_of_histories_alone_is_learnt_there():
    names = [column.name for column in SCHEMA.vocabulary_columns("action")]
    assert names == ["history_action"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([Label("click")], False),
        ([Label("click"), Label("buy", observed_if="click")], True),
        ([Label("click", weight="w")], True),
    ],
)
def test_weights_are_needed_where_labels_are_observed_in_part(labels, expected):
    assert small_schema(labels=labels).has_weights is expected


def test_schemas_are_equal_and_hash_alike_by_content():
    assert small_schema() == small_schema()
    assert len({small_schema(), small_schema(), SCHEMA}) == 2
    assert small_schema() != small_schema().with_sizes({"user_id": 3})


def test_no_label_is_observed_by_a_value():
    labels = [Label("spend", kind="value"), Label("back", observed_if="spend")]
    with pytest.raises(InputError, match="'spend', a value"):
        small_schema(labels=labels)
    again = FeatureSchema.from_dict(small_schema(labels=labels[:1]).to_dict())
    assert again.labels == (labels[0],)
