"""Tests of `tfctr.export.ItemTable` and `ItemStore`."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.export.deployment import encoded, random_model, small_parts
from tests.features.shop import SCHEMA, shop_frame, shop_items, small_schema
from tfctr.errors import InputError, UnknownName
from tfctr.export import ItemStore, item_table
from tfctr.features import Categorical, frame_to_arrays

STATE = SCHEMA.fit(shop_frame(15, seed=1))
INTEGERS = {"item": [Categorical("item_id", dtype="int64")]}


def small_state(ids, **changes):
    frame = pd.DataFrame({"user_id": "u", "item_id": ids})
    return small_schema(**changes).fit(frame)


@pytest.mark.parametrize("batch_size", [3, 4096])
def test_rows_are_the_encoded_items_after_the_unknown_one(batch_size):
    items = shop_items(10)
    table = item_table(STATE, items, batch_size=batch_size)
    expected = encoded(STATE, frame_to_arrays(SCHEMA, items, ["item"]))
    assert table.item_ids[1:] == [f"i{k}" for k in range(10)]
    assert table.stored == {}
    assert set(table.encoded) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(table.encoded[name][1:], values, rtol=1e-6)


def test_unknown_item_has_an_unknown_id_and_nothing_else():
    table = item_table(STATE, shop_items(2))
    unknown = {name: values[0] for name, values in table.encoded.items()}
    assert unknown.pop("item_id") in (1, 2)  # the two rows for unknown ids
    for values in unknown.values():
        assert not np.any(values)


def test_what_the_pre_ranking_model_stores_is_kept():
    model = random_model("TwoTower", STATE)
    table = item_table(STATE, shop_items(7), model, batch_size=3)
    raw = frame_to_arrays(SCHEMA, shop_items(7), ["item"])
    expected = model.encode_items(encoded(STATE, raw))["vector"]
    np.testing.assert_allclose(table.stored["vector"][1:], expected, atol=1e-6)
    assert table.stored["vector"].shape == (8, 5)


def test_store_finds_rows_by_text(tmp_path):
    ids = ["b", "größe", " a ", "赤", "7"]
    state = small_state(ids)
    store = ItemStore(item_table(state, pd.DataFrame({"item_id": ids})), tmp_path)
    asked = tf.constant([["赤", "b", "nobody"], ["7", "", " a "]])
    assert store.rows(asked).numpy().tolist() == [[4, 1, 0], [5, 0, 3]]
    found = store.encoded(store.rows(asked))["item_id"].numpy()
    places = {"nobody": 1, "": 1}  # an item that the store lacks is unknown
    places |= {v: 2 + k for k, v in enumerate(state.vocabularies["item_id"])}
    assert found.tolist() == [
        [places[v.decode()] for v in row] for row in asked.numpy()
    ]


def test_store_finds_integer_ids_by_their_decimal_text(tmp_path):
    ids = [12, -7, 2**60 + 1, 0]
    table = item_table(small_state(ids, **INTEGERS), pd.DataFrame({"item_id": ids}))
    store = ItemStore(table, tmp_path)
    asked = tf.constant([["12", "-7", str(2**60 + 1), "0", "012", "-1"]])
    assert store.rows(asked).numpy().tolist() == [[1, 2, 3, 4, 0, 0]]
    assert table.encoded["item_id"][0] == 1


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        (["a", "b", "a"], "'a' twice, again in row 2"),
        (["a", ""], "'' in row 1"),
        (["a", None], "'' in row 1"),
        (["a\nb"], r"'a\\nb' in row 0"),
        (["a", "b\r"], r"'b\\r' in row 1"),
    ],
)
def test_ids_that_cannot_be_looked_up_are_refused(ids, text):
    with pytest.raises(InputError, match=text) as caught:
        item_table(small_state(["a"]), pd.DataFrame({"item_id": ids}))
    assert caught.value.field == "item_id"


@pytest.mark.parametrize(("ids", "text"), [([3, -1], "'' in row 1"), ([3, 3], "twice")])
def test_integer_ids_are_checked_too(ids, text):
    with pytest.raises(InputError, match=text):
        item_table(small_state([3], **INTEGERS), pd.DataFrame({"item_id": ids}))


def test_no_items_are_refused():
    with pytest.raises(InputError, match="`items`: received no rows"):
        item_table(small_state(["a"]), pd.DataFrame({"item_id": []}, dtype=object))


def test_missing_column_is_refused():
    with pytest.raises(UnknownName, match="column price"):
        item_table(STATE, shop_items(3).drop(columns="price"))


def test_ids_of_another_type_are_refused():
    parts = small_parts()
    with pytest.raises(InputError, match=r"`item_id`: received 3 \(int\)"):
        item_table(parts["state"], pd.DataFrame({"item_id": [3]}))
