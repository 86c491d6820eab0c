"""Tests of `tfctr.export.merging`: adaptive models are served in merged form."""

import numpy as np
import pytest
import tensorflow as tf

from tests.export.deployment import small_parts
from tests.models.data import made, rows
from tfctr import export, models
from tfctr.export.merging import MergedFactors
from tfctr.features import frame_to_arrays
from tfctr.layers import APG

# A width that nothing else has: four factors are (width, 19), (19, 2), (2, 19) ...
INNER = 19
SETTINGS = APG(["user_id", "item_id"], rank=2, over_parameterization=INNER)
X, _, _ = rows(8)


def parts(apg=SETTINGS):
    found = small_parts()
    schema = found["state"].schema
    model = models.DeepFM(schema, dim=8, hidden_units=(16, 9), apg=apg, seed=1)
    model.build()
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(np.asarray(weight) + rng.normal(scale=0.3, size=weight.shape))
    return {**found, "ranking": model}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    made_of = parts()
    return export.save(tmp_path_factory.mktemp("apg"), **made_of), made_of


def shapes(path):
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    return list(reader.get_variable_to_shape_map().values())


def test_exported_signature_answers_as_the_model_in_memory(exported):
    path, made_of = exported
    items = made_of["items"][["item_id"]]
    frame = items.assign(user_id=["a", "b", "nobody", "c", None])
    state, model = made_of["state"], made_of["ranking"]
    assert export.largest_difference(path, model, state, frame) < 1e-6
    logits = np.asarray(
        model(state.encode(tensors(frame_to_arrays(state.schema, frame))))["click"]
    )
    ask = tf.saved_model.load(str(path)).signatures["ranking"]
    answer = ask(
        user_id=tf.constant(["a", "b"]),
        item_id=tf.constant([items["item_id"].tolist()] * 2),
    )["click"]
    assert answer.shape == (2, 5)
    expected = 1 / (1 + np.exp(-logits[[0, 1]]))
    np.testing.assert_allclose(answer.numpy()[[0, 1], [0, 1]], expected, atol=1e-6)


def tensors(raw):
    return {
        name: tf.constant(v, tf.string if v.dtype == object else None)
        for name, v in raw.items()
    }


def test_no_inner_width_is_in_the_saved_model(exported):
    path, made_of = exported
    assert not [shape for shape in shapes(path) if INNER in shape]
    inner = [w for w in made_of["ranking"].weights if INNER in w.shape]
    assert len(inner) == 8


def test_saved_model_is_as_large_as_that_of_v4(exported, tmp_path):
    plain = export.save(tmp_path, **parts(SETTINGS.merged()))
    assert sorted(shapes(exported[0])) == sorted(shapes(plain))


def test_model_trains_on_after_its_export(tmp_path):
    made_of = parts()  # of its own: tests run in any order
    export.save(tmp_path, **made_of)
    model = made_of["ranking"]
    encoded = {"user_id": np.array([1, 2]), "item_id": np.array([2, 1])}
    encoded = {name: v.astype("int32") for name, v in encoded.items()}
    before = {w.path: np.asarray(w).copy() for w in model.trainable_variables}
    model.compile()
    labels = {"click": np.array([0.0, 1.0], "float32")}
    data = tf.data.Dataset.from_tensors((encoded, labels))
    model.fit(data.repeat(2), verbose=0)
    for weight in model.trainable_variables:
        if INNER in weight.shape:
            assert np.abs(np.asarray(weight) - before[weight.path]).max() > 0


def test_layers_read_the_factors_only_while_they_are_in_use():
    model = made("DIN", apg=SETTINGS)
    factors = MergedFactors([model, model])
    assert len(factors.factors) == len(model.mlp.dense_layers)
    assert len(factors.replaced) == 4 * len(factors.factors)
    before = np.asarray(model(X)["click"])
    with factors.in_use():
        np.testing.assert_allclose(model(X)["click"], before, atol=1e-6)
        for pair in factors.factors:
            pair[0].assign(tf.zeros_like(pair[0]))
        assert np.abs(np.asarray(model(X)["click"]) - before).max() > 1e-3
    np.testing.assert_array_equal(model(X)["click"], before)


def test_half_precision_models_are_merged_in_single_precision():
    model = made("DeepFM", apg=SETTINGS, dtype="mixed_bfloat16")
    factors, before = MergedFactors([model]), np.asarray(model(X)["click"])
    assert factors.factors[0][0].dtype == tf.float32
    with factors.in_use():
        found = np.asarray(model(X)["click"])
    np.testing.assert_allclose(found, before, atol=0.05 * np.abs(before).max())


def test_models_without_adaptive_layers_have_nothing_to_merge():
    factors = MergedFactors([made("DeepFM"), made("DIN", apg=SETTINGS.merged())])
    assert factors.factors == []
    assert factors.replaced == set()
