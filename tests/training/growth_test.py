"""Tests of `tfctr.training.carry_over`: rows go with their values."""

import dataclasses

import keras
import numpy as np
import pandas as pd
import pytest

from tests.features.shop import SCHEMA, shop_frame, small_schema
from tests.models.data import SMALL
from tfctr import models, optimizers
from tfctr.calibration import calibrate
from tfctr.data import to_dataset
from tfctr.errors import InputError
from tfctr.features import Categorical, SchemaState, Timestamp, Vocabulary
from tfctr.training.growth import RowCounts, carry_over

HASHED = Vocabulary("user_id", num_hash_buckets=7, num_hashes=2, table="ids")
SMALL_SCHEMA = small_schema(
    context=[Categorical("city"), Timestamp("time", calendar=("hour",))],
    vocabularies=[HASHED, Vocabulary("item_id", capacity=5, num_oov=2)],
)


def state_of(items, cities, **changes):
    schema = dataclasses.replace(SMALL_SCHEMA, **changes)
    return SchemaState(schema, {"item_id": items, "city": cities}, {})


OLD = state_of(("a", "", "b", "c"), ("rome", "oslo"))
NEW = state_of(("c", "d", "", "a", "e"), ("bern", "oslo", "rome", "lima"))


def randomised(model, seed=3):
    """The model with all weights random."""
    model.build()
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


def clicks(items="abcabcbba"):
    count = len(items)
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "user_id": [f"u{k % 3}" for k in range(count)],
            "item_id": list(items),
            "city": rng.choice(["rome", "oslo", ""], count),
            "time": 3600 * np.arange(count),
            "click": np.arange(count) % 2.0,
        }
    )


def fit(model, state, epochs=1):
    batches = to_dataset(clicks(), state, 4, shuffle=False)
    model.fit(batches, epochs=epochs, verbose=0)


def trained(optimizer):
    model = randomised(models.DeepFM(OLD.schema, **SMALL["DeepFM"]))
    model.compile(optimizer=optimizer, weighted_metrics=[])
    fit(model, OLD)
    return model


def table_of(model, collection="value_weights"):
    """Key -> rows of a collection's table."""
    layer = getattr(model, collection)
    rows = np.asarray(layer.table.embeddings)
    return {key: rows[start:stop] for key, (start, stop) in layer.tables.items()}


def test_rows_go_with_their_values():
    old = randomised(models.LogisticRegression(OLD.schema))
    before, now = table_of(old), table_of(carry_over(old, OLD, NEW).model)
    fresh = models.LogisticRegression(NEW.schema)
    fresh.build()
    fresh = table_of(fresh)
    # Missing and two unknown rows; then c, d, nothing, a and e.
    of_items = [before["table_item_id"][k] for k in (0, 1, 2, 6)]
    np.testing.assert_array_equal(now["table_item_id"][:4], of_items)
    np.testing.assert_array_equal(now["table_item_id"][6], before["table_item_id"][3])
    for row in (4, 5, 7):
        np.testing.assert_array_equal(
            now["table_item_id"][row], fresh["table_item_id"][row]
        )
    # Missing and unknown; then bern, oslo, rome and lima.
    of_cities = [before["table_city"][k] for k in (0, 1, 3, 2)]
    np.testing.assert_array_equal(now["table_city"][[0, 1, 3, 4]], of_cities)
    np.testing.assert_array_equal(
        now["table_city"][[2, 5]], fresh["table_city"][[2, 5]]
    )
    for key in ("table_ids", "table_time_hour"):
        np.testing.assert_array_equal(now[key], before[key])


def test_it_is_said_what_became_of_the_values():
    old = randomised(models.LogisticRegression(OLD.schema))
    counts = carry_over(old, OLD, NEW).vocabularies
    assert counts == {
        "item_id": RowCounts(kept=2, new=2, dropped=1),
        "city": RowCounts(kept=2, new=2, dropped=0),
    }


def test_old_model_stays_as_it_is():
    old = randomised(models.LogisticRegression(OLD.schema))
    before = old.get_weights()
    carry_over(old, OLD, NEW)
    for one, other in zip(old.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_known_examples_have_the_predictions_that_they_had(name):
    first, second = shop_frame(40, items=6), shop_frame(60, seed=1, items=12)
    old_state, new_state = SCHEMA.fit(first), SCHEMA.fit(pd.concat([first, second]))
    # Numbers are scaled as before; only vocabularies change.
    new_state = SchemaState(SCHEMA, new_state.vocabularies, old_state.moments)
    assert new_state.vocabularies != old_state.vocabularies
    old = randomised(models.get(name)(old_state.schema, **SMALL[name]))
    now = carry_over(old, old_state, new_state).model
    frame = first[first["item_id"].isin(old_state.values("item_id"))]
    assert len(frame) > 30
    before = old.predict(to_dataset(frame, old_state, shuffle=False), verbose=0)
    after = now.predict(to_dataset(frame, new_state, shuffle=False), verbose=0)
    for label, values in before.items():
        np.testing.assert_array_equal(after[label], values)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.Adam(0.01),
        lambda: keras.optimizers.SGD(0.1, momentum=0.9, use_ema=True),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adagrad(0.1)),
        lambda: optimizers.LazyAdam(0.01),
        lambda: optimizers.RowWiseAdagrad(0.1),
        lambda: optimizers.Composite(
            tables=optimizers.SparseFTRL(0.1), dense=optimizers.Adam(0.01)
        ),
    ],
)
def test_training_goes_on_as_if_the_vocabulary_had_not_changed(make):
    old = trained(make())
    new = state_of(("d", "c", "a", "b"), ("bern", "oslo", "rome", "lima"))
    now = carry_over(old, OLD, new).model
    assert int(now.optimizer.iterations) == int(old.optimizer.iterations) == 3
    for model, state in ((old, OLD), (now, new)):
        fit(model, state, epochs=2)
    before, after = table_of(old, "embeddings"), table_of(now, "embeddings")
    for key, rows_before, rows_after in (
        ("table_item_id", [0, 3, 5, 6], [0, 5, 6, 4]),
        ("table_city", [0, 2, 3], [0, 4, 3]),
        ("table_ids", slice(None), slice(None)),
        ("table_time_hour", slice(None), slice(None)),
    ):
        expected = before[key][rows_before]
        np.testing.assert_allclose(
            after[key][rows_after], expected, rtol=1e-5, atol=1e-7
        )
    np.testing.assert_allclose(
        now.output_layer.kernel, old.output_layer.kernel, rtol=1e-5, atol=1e-7
    )


def test_slots_of_new_rows_are_as_the_optimizer_starts_them():
    old = models.LogisticRegression(OLD.schema)
    optimizer = keras.optimizers.Adagrad(0.1, initial_accumulator_value=0.25)
    old.compile(optimizer=optimizer, weighted_metrics=[])
    fit(old, OLD)
    made = carry_over(old, OLD, NEW).model
    start, _ = made.value_weights.tables["table_item_id"]
    (slot,) = [s for s in made.optimizer.variables if "table" in s.path]
    (before,) = [s for s in old.optimizer.variables if "table" in s.path]
    slot, before = np.asarray(slot)[start:, 0], np.asarray(before)[start:, 0]
    assert slot[[4, 5, 7]].tolist() == [0.25] * 3
    assert slot[[3, 6]].tolist() == before[[6, 3]].tolist()
    assert (slot[[3, 6]] > 0.25).all()


def test_model_without_optimizer_stays_without():
    old = models.LogisticRegression(OLD.schema)
    assert not carry_over(old, OLD, NEW).model.compiled


def test_model_that_was_compiled_and_not_trained_starts_afresh():
    old = randomised(models.LogisticRegression(OLD.schema))
    old.compile(optimizer=keras.optimizers.Adam(0.03))
    made = carry_over(old, OLD, NEW).model
    assert float(made.optimizer.learning_rate) == pytest.approx(0.03)
    assert int(made.optimizer.iterations) == 0


def test_capacity_can_grow():
    items = Vocabulary("item_id", capacity=9, num_oov=2)
    new = state_of(tuple("xyzcba"), ("rome",), vocabularies=[HASHED, items])
    old = randomised(models.LogisticRegression(OLD.schema))
    now = table_of(carry_over(old, OLD, new).model)["table_item_id"]
    assert now.shape == (1 + 2 + 9, 1)
    before = table_of(old)["table_item_id"]
    np.testing.assert_array_equal(now[[6, 7, 8]], before[[6, 5, 3]])


def test_learnt_vocabulary_can_become_a_fixed_one():
    fixed = Vocabulary("city", values=("oslo", "bern"))
    vocabularies = [*SMALL_SCHEMA.vocabularies[:2], fixed]
    new = state_of(("a",), (), vocabularies=vocabularies)
    old = randomised(models.LogisticRegression(OLD.schema))
    now = table_of(carry_over(old, OLD, new).model)["table_city"]
    before = table_of(old)["table_city"]
    np.testing.assert_array_equal(now[:3], before[[0, 1, 3]])


@pytest.mark.parametrize(
    ("vocabulary", "field"),
    [
        (dataclasses.replace(HASHED, num_hash_buckets=8), "user_id.num_hash_buckets"),
        (dataclasses.replace(HASHED, num_hashes=3), "user_id.num_hashes"),
        (dataclasses.replace(HASHED, table="other"), "user_id.table"),
        (Vocabulary("item_id", capacity=5), "item_id.num_oov"),
        (Vocabulary("item_id", num_hash_buckets=5), "item_id.num_hash_buckets"),
    ],
)
def test_rows_that_would_mean_something_else_are_refused(vocabulary, field):
    others = [v for v in SMALL_SCHEMA.vocabularies if v.name != vocabulary.name]
    new = state_of(("a",), ("rome",), vocabularies=[*others, vocabulary])
    old = models.LogisticRegression(OLD.schema)
    with pytest.raises(InputError) as caught:
        carry_over(old, OLD, new)
    assert caught.value.field == field


def test_state_of_other_features_is_refused():
    new = state_of(("a",), ("rome",), context=SMALL_SCHEMA.context[:1])
    with pytest.raises(InputError, match=r"`new`: .*other features"):
        carry_over(models.LogisticRegression(OLD.schema), OLD, new)


def test_calibrated_models_are_refused():
    model = models.get("LogisticRegression")(OLD.schema)
    calibrated = calibrate(model, negative_rate=0.5)
    with pytest.raises(InputError, match="`model`: received a calibrated model"):
        carry_over(calibrated, OLD, OLD)


def test_model_of_another_state_is_refused():
    with pytest.raises(InputError, match=r"`old`: .*the state that the model was made"):
        carry_over(models.LogisticRegression(NEW.schema), OLD, NEW)


def test_grown_model_saves_and_loads(tmp_path):
    old = randomised(models.LogisticRegression(OLD.schema))
    made = carry_over(old, OLD, NEW).model
    made.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for one, other in zip(again.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.schema.size("city") == 6
