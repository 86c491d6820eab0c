"""Tests of encoded items in files."""

import numpy as np
import pytest

from tests.export.deployment import random_model
from tests.features.shop import SCHEMA, shop_frame, shop_items
from tfctr.errors import InputError
from tfctr.export import (
    ItemTable,
    checkpoint_fingerprint,
    item_table,
    read_item_table,
    write_item_table,
)
from tfctr.export.saving import write_saved_model

STATE = SCHEMA.fit(shop_frame(15, seed=1))


@pytest.fixture(scope="module")
def model():
    return random_model("TwoTower", STATE)


@pytest.fixture(scope="module")
def whole(model):
    return item_table(STATE, shop_items(7), model)


def test_parts_make_the_whole(model, whole, tmp_path):
    items = shop_items(7)
    for number, rows in enumerate((slice(0, 3), slice(3, 7))):
        part = item_table(STATE, items[rows], model)
        write_item_table(part, tmp_path, number)
    found = read_item_table(tmp_path, checkpoint_fingerprint(model, STATE))
    assert found.item_ids == whole.item_ids
    assert found.fingerprint == whole.fingerprint != ""
    for name, values in {**whole.encoded, **whole.stored}.items():
        again = {**found.encoded, **found.stored}[name]
        np.testing.assert_allclose(again, values, atol=1e-6)


def test_codes_stay_small_integers(tmp_path):
    codes = np.arange(6, dtype="uint8").reshape(3, 2)
    vectors = np.ones((3, 4), "float32")
    stored = {"vector": vectors, "codes": codes, "wide": codes.astype("uint16")}
    table = ItemTable(["", "a", "b"], {}, stored, "made by")
    write_item_table(table, tmp_path)
    found = read_item_table(tmp_path).stored
    assert {n: v.dtype.name for n, v in found.items()} == {
        "vector": "float32",
        "codes": "uint8",
        "wide": "uint16",
    }
    np.testing.assert_array_equal(found["codes"], codes)
    assert table.num_bytes == {"features": 0, "vector": 48, "codes": 6, "wide": 12}


def test_items_of_another_checkpoint_are_refused(whole, tmp_path):
    write_item_table(whole, tmp_path)
    other = checkpoint_fingerprint(random_model("TwoTower", STATE, dropout=0.1), STATE)
    with pytest.raises(InputError, match=f"checkpoint {other[:12]}.*encode the items"):
        read_item_table(tmp_path, other)


def test_parts_of_two_checkpoints_are_refused(model, whole, tmp_path):
    write_item_table(whole, tmp_path)
    other = random_model("TwoTower", STATE, dropout=0.1)
    write_item_table(item_table(STATE, shop_items(9)[7:], other), tmp_path, 1)
    with pytest.raises(InputError, match=r"items-00001\.npz"):
        read_item_table(tmp_path)


def test_files_without_a_fingerprint_are_refused(whole, tmp_path):
    np.savez(tmp_path / "items-00000.npz", ids=np.array(["", "a"]))
    with pytest.raises(InputError, match="checkpoint unknown"):
        read_item_table(tmp_path, whole.fingerprint)


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no items"):
        read_item_table(tmp_path)


@pytest.mark.parametrize("change", ["weights", "vocabularies"])
def test_export_refuses_items_of_another_checkpoint(whole, tmp_path, change):
    model, state = random_model("TwoTower", STATE), STATE
    if change == "weights":
        model.scale.assign(np.asarray(model.scale) + 1)
    else:
        values = {name: list(v) for name, v in STATE.vocabularies.items()}
        values["item_id"][:2] = reversed(values["item_id"][:2])
        state = STATE.replace(values)
    with pytest.raises(InputError, match="`table`: received items of checkpoint"):
        write_saved_model(
            tmp_path / "model",
            ranking=random_model("LogisticRegression", STATE),
            pre_ranking=model,
            state=state,
            table=whole,
            items=shop_items(7),
        )
    assert not (tmp_path / "model").exists()
