"""Tests of `tfctr.features.vocabulary_files`, and of states that use them."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.shop import small_schema
from tfctr.errors import InputError
from tfctr.features import Encoder, SchemaState, Vocabulary
from tfctr.features.vocabulary_files import read_values, write_values

OPEN = Vocabulary("item_id", capacity=5, num_oov=2)
SCHEMA = small_schema(vocabularies=[OPEN])
HOLES = ("", "größe", "", "a\tb")
TEXT = st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), min_size=1)


def state_of(*items):
    return SchemaState(SCHEMA, {"user_id": ("u",), "item_id": items}, {})


@given(st.lists(TEXT | st.just(""), unique_by=lambda v: v or object(), max_size=5))
@settings(max_examples=50, deadline=None)
def test_rows_come_back_from_files(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("values") / "values.txt"
    while values and not values[-1]:
        values.pop()
    write_values(path, OPEN, values)
    assert read_values(path, OPEN) == values


def test_state_with_free_rows_comes_back(tmp_path):
    state = state_of(*HOLES)
    state.save(tmp_path / "state")
    again = SchemaState.load(tmp_path / "state")
    assert again == state
    assert again.values("item_id") == HOLES


def test_free_rows_at_the_end_make_no_difference():
    assert state_of(*HOLES, "") == state_of(*HOLES)
    assert state_of("", "").values("item_id") == ()


@pytest.mark.parametrize("with_files", [False, True])
@pytest.mark.parametrize("rows", [HOLES, (), ("b", "a", "c", "d", "e"), ("", "", "b")])
def test_rows_are_looked_up_where_they_stand(tmp_path, rows, with_files):
    state = state_of(*rows)
    state.save(tmp_path / "state")
    encoder = Encoder(state, tmp_path / "state" if with_files else None)
    items = ["größe", "a\tb", "b", "a", "", "new"]
    ids = encoder({"item_id": tf.constant(items)})["item_id"].numpy()
    for item, found in zip(items, ids, strict=True):
        if item and item in rows:
            assert found == 1 + 2 + rows.index(item)
        else:
            assert found in ((1, 2) if item else (0,))
    assert ids.max() < state.schema.size("item_id") == 8


@pytest.mark.parametrize("keep", [0, 1, 2])
@pytest.mark.parametrize("rows", [HOLES, ("a", "b", "c", "d", "e"), ("a",)])
def test_cut_file_is_detected(tmp_path, rows, keep):
    state_of(*rows).save(tmp_path / "state")
    path = tmp_path / "state" / "vocabularies" / "item_id.txt"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: min(keep, len(lines) - 1)]))
    with pytest.raises(InputError, match="cut or exchanged"):
        SchemaState.load(tmp_path / "state")


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (tuple("abcdef"), "6 rows, expected at most its capacity, 5"),
        (("a", "", "a"), "'a' twice"),
        (("a\n",), "distinct values without line breaks"),
        (("\x1ffree row 0",), "distinct values"),
    ],
)
def test_values_that_have_no_rows_are_refused(rows, match):
    with pytest.raises(InputError, match=match):
        state_of(*rows)


def test_fit_gives_the_rows_to_the_most_frequent_values():
    items = ["c", "b", "b", "\x1fend", "\x1fend", *"aaadefg"]
    frame = pd.DataFrame({"user_id": "u", "item_id": items})
    state = SCHEMA.fit(frame)
    assert state.values("item_id") == ("a", "b", "g", "f", "e")
    assert state.schema.sizes == {"user_id": 3}
    assert state.schema.size("item_id") == 8


def test_other_values_can_take_the_place_of_some():
    state = state_of("a", "b")
    other = state.replace({"item_id": ("b", "", "c")})
    assert other.values("item_id") == ("b", "", "c")
    assert other.values("user_id") == ("u",)
    assert state.values("item_id") == ("a", "b")
    items = tf.constant(["a", "b", "c"])
    ids = other.encode({"item_id": items})["item_id"].numpy()
    np.testing.assert_array_equal(ids[1:], [3, 5])
    assert ids[0] in (1, 2)
