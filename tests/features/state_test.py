"""Tests of `tfctr.features.SchemaState` and `Encoder`."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.features.shop import SCHEMA, shop_frame, small_schema
from tfctr.errors import InputError
from tfctr.features import Encoder, Numeric, SchemaState, frame_to_arrays

SCHEMA_3 = small_schema(context=[Numeric("n")])
USERS = ("größe", "赤", " a b ", "tab\t", "x" * 300, "'\"\\n")


def state_of(users=USERS, items=("i",), moments=((1 / 3, 1e-30))):
    return SchemaState(SCHEMA_3, {"user_id": users, "item_id": items}, {"n": moments})


def test_sizes_are_of_missing_unknown_and_values():
    state = SchemaState(
        SCHEMA.with_sizes({}),
        {"user_id": "ab", "item_id": "abc", "category": "", "action": "a"},
        {},
    )
    # `item_id` has two rows for unknown values.
    sizes = {"user_id": 4, "item_id": 6, "category": 2, "action": 3}
    assert state.schema.sizes == sizes


def test_vocabulary_that_is_not_given_is_named():
    with pytest.raises(InputError, match="`item_id`: received no values"):
        SchemaState(SCHEMA_3, {"user_id": USERS}, {})


def test_state_comes_back_from_files(tmp_path):
    state = state_of()
    state.save(tmp_path / "state")
    again = SchemaState.load(tmp_path / "state")
    assert again == state
    assert hash(again) == hash(state)
    assert again.vocabularies == {"user_id": USERS, "item_id": ("i",)}
    assert again.moments == {"n": (1 / 3, 1e-30)}
    assert again.schema == state.schema


def test_state_of_every_kind_comes_back(tmp_path):
    state = SCHEMA.fit(shop_frame())
    state.save(tmp_path / "state")
    assert SchemaState.load(str(tmp_path / "state")) == state


def test_empty_vocabulary_comes_back(tmp_path):
    state_of(users=()).save(tmp_path / "state")
    assert SchemaState.load(tmp_path / "state").vocabularies["user_id"] == ()


def test_files_are_readable_text(tmp_path):
    state_of(users=("b", "a")).save(tmp_path / "state")
    written = {
        str(path.relative_to(tmp_path)): path.read_text(encoding="utf-8")
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert written.pop("state/vocabularies/user_id.txt") == "b\na\n"
    assert written.pop("state/vocabularies/item_id.txt") == "i\n"
    assert json.loads(written.pop("state/moments.json")) == {"n": [1 / 3, 1e-30]}
    assert (
        json.loads(written.pop("state/schema.json"))
        == state_of(users=("b", "a")).schema.to_dict()
    )
    assert not written


def test_saving_replaces_what_was_there(tmp_path):
    state_of().save(tmp_path / "state")
    (tmp_path / "state" / "stray.txt").write_text("from before")
    state_of(users=("a",)).save(tmp_path / "state")
    assert SchemaState.load(tmp_path / "state") == state_of(users=("a",))
    assert not (tmp_path / "state" / "stray.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize("bytes_cut", [1, 2, 5, 400])
def test_cut_vocabulary_is_detected(tmp_path, bytes_cut):
    # Cuts fall at the end of a line, within a line and within a character.
    state_of(users=("abc", "größe", "赤")).save(tmp_path / "state")
    path = tmp_path / "state" / "vocabularies" / "user_id.txt"
    content = path.read_bytes()
    path.write_bytes(content[: max(len(content) - bytes_cut, 0)])
    with pytest.raises(InputError, match="cut or exchanged"):
        SchemaState.load(tmp_path / "state")


def test_exchanged_schema_is_detected(tmp_path):
    state_of().save(tmp_path / "state")
    state_of(users=("a",)).save(tmp_path / "other")
    (tmp_path / "other" / "schema.json").rename(tmp_path / "state" / "schema.json")
    with pytest.raises(InputError, match="cut or exchanged"):
        SchemaState.load(tmp_path / "state")


def test_folder_without_schema_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"`folder`: .*with schema\.json"):
        SchemaState.load(tmp_path)


def test_states_differ_by_vocabulary_and_by_moments():
    assert state_of() == state_of()
    assert state_of(users=USERS[::-1]) != state_of()
    assert state_of(moments=(0.0, 1.0)) != state_of()
    assert state_of() != "state"


def test_encoder_with_files_equals_the_one_in_memory(tmp_path):
    state = SCHEMA.fit(shop_frame(15))
    state.save(tmp_path / "state")
    raw = {
        name: tf.constant(value, tf.string if value.dtype == object else None)
        for name, value in frame_to_arrays(SCHEMA, shop_frame(40)).items()
    }
    encoded = Encoder(state, tmp_path / "state")(raw)
    expected = state.encode(raw)
    assert set(encoded) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(encoded[name], values)


def test_encoder_with_files_finds_unusual_values(tmp_path):
    state = state_of()
    state.save(tmp_path / "state")
    ids = Encoder(state, tmp_path / "state")({"user_id": tf.constant(USERS)})
    assert ids["user_id"].numpy().tolist() == [2, 3, 4, 5, 6, 7]


def test_encoder_with_files_takes_an_empty_vocabulary(tmp_path):
    state = state_of(users=())
    state.save(tmp_path / "state")
    encoder = Encoder(state, tmp_path / "state")
    assert encoder({"user_id": tf.constant(["a", ""])})["user_id"].numpy().tolist() == [
        1,
        0,
    ]


def test_exported_encoder_carries_its_files(tmp_path):
    state = state_of()
    state.save(tmp_path / "state")
    encoder = Encoder(state, tmp_path / "state")
    users = tf.TensorSpec([None], tf.string, "user_id")
    encoder.serve = tf.function(lambda user_id: encoder({"user_id": user_id}))
    tf.saved_model.save(
        encoder,
        str(tmp_path / "model"),
        encoder.serve.get_concrete_function(user_id=users),
    )
    (tmp_path / "state").rename(tmp_path / "elsewhere")
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    answer = loaded.signatures["serving_default"](user_id=tf.constant(["赤", "?", ""]))
    assert answer["user_id"].numpy().tolist() == [3, 1, 0]
