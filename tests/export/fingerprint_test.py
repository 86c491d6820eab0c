"""Tests of `tfctr.export.checkpoint_fingerprint`."""

import keras
import numpy as np

from tests.export.deployment import random_model
from tests.features.shop import SCHEMA, shop_frame
from tfctr.export import checkpoint_fingerprint
from tfctr.models import TwoTower

STATE = SCHEMA.fit(shop_frame(15, seed=1))


def test_saved_and_loaded_checkpoint_has_its_fingerprint(tmp_path):
    model = random_model("TwoTower", STATE)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    found = checkpoint_fingerprint(model, STATE)
    assert len(found) == 64
    assert checkpoint_fingerprint(again, STATE) == found


def test_name_of_the_model_has_no_say():
    models = [TwoTower(STATE.schema, dim=4, name=name) for name in ("one", "other")]
    one, other = (checkpoint_fingerprint(model, STATE) for model in models)
    assert one == other


def test_each_weight_counts():
    model = random_model("TwoTower", STATE)
    found = {checkpoint_fingerprint(model, STATE)}
    for weight in model.weights:
        value = np.array(weight)
        value.reshape(-1)[-1] += 1e-3
        weight.assign(value)
        found.add(checkpoint_fingerprint(model, STATE))
    assert len(found) == 1 + len(model.weights)


def test_class_arguments_and_vocabularies_count():
    one = TwoTower(STATE.schema, dim=4)
    found = {
        checkpoint_fingerprint(one, STATE),
        checkpoint_fingerprint(TwoTower(STATE.schema, dim=4, dropout=0.5), STATE),
        checkpoint_fingerprint(random_model("VectorProduct", STATE), STATE),
    }
    values = {name: list(v) for name, v in STATE.vocabularies.items()}
    values["item_id"][:2] = reversed(values["item_id"][:2])
    swapped = STATE.replace(values)
    assert swapped.schema == STATE.schema
    found.add(checkpoint_fingerprint(one, swapped))
    assert len(found) == 4
