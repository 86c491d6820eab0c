"""Tests of `tfctr.models.modalities`."""

import pytest

from tests.models.data import SIZED
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, FeatureSchema, Label, Sequence, Vector
from tfctr.models.modalities import (
    history_of,
    modalities_of,
    vectors_of,
    without_modalities,
)


def test_the_first_history_of_items_is_taken_unless_one_is_named():
    assert history_of(SIZED).name == "history"
    assert history_of(SIZED, "history_long").name == "history_long"
    with pytest.raises(UnknownName, match="Did you mean 'history_long'"):
        history_of(SIZED, "history_lon")


@pytest.mark.parametrize(
    ("history", "tables", "chosen", "expected"),
    [
        ("history", {}, None, ["picture"]),
        ("history", {"text": 3}, None, ["picture", "text"]),
        ("history", {"text": 3}, ["text", "picture"], ["text", "picture"]),
        ("history", {}, (), []),
        ("history_long", {}, None, []),
    ],
)
def test_modalities_are_vectors_of_both_and_tables(history, tables, chosen, expected):
    found = modalities_of(SIZED, history_of(SIZED, history), tables, chosen)
    assert found == expected


def test_vectors_of_items_and_events_have_one_width():
    item_id = Categorical("item_id")
    other = Sequence("history", (item_id, Vector("picture", dim=4)), max_length=5)
    schema = FeatureSchema(
        user=(Categorical("user_id"),),
        item=(item_id, Vector("picture", dim=3)),
        sequences=(other,),
        labels=(Label("click"),),
        user_id="user_id",
        item_id="item_id",
    )
    with pytest.raises(InputError, match=r"`history_picture`: received width 4.*3, "):
        vectors_of(schema, other)
    with pytest.raises(InputError, match="`history_picture`"):
        modalities_of(schema, other, {}, ())


def test_names_are_refused_that_are_none_or_two():
    history = history_of(SIZED)
    with pytest.raises(UnknownName, match="Did you mean 'picture'"):
        modalities_of(SIZED, history, {}, ["pictures"])
    with pytest.raises(InputError, match="`modalities`: received"):
        modalities_of(SIZED, history, {}, ["picture", "picture"])
    with pytest.raises(InputError, match="`tables`: received picture"):
        modalities_of(SIZED, history, {"picture": 3}, None)


def test_the_schema_is_left_without_them():
    schema = without_modalities(SIZED, history_of(SIZED), ["picture"])
    gone = {c.name for c in SIZED.encoded_columns()} - {
        c.name for c in schema.encoded_columns()
    }
    assert gone == {"picture", "history_picture"}
