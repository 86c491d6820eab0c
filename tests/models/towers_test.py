"""Tests of `tfctr.models.towers`, on every model with a hidden tower."""

import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import (
    PLAIN,
    SIZED,
    SMALL,
    USER_ROLES,
    candidates,
    made,
    pairs,
    part,
    rows,
)
from tfctr import kernels, models
from tfctr.errors import InputError, UnknownName
from tfctr.layers import APG, MLP, AdaptiveMLP
from tfctr.models.towers import conditions_of, merged

NAMES = [
    name
    for name in models.names()
    if "apg" in inspect.signature(models.get(name)).parameters
]
BOTH_SIDES = APG(["user_id", "item_id"], rank=2)
X, _, _ = rows(10)

every_model = pytest.mark.parametrize("name", NAMES)
every_way = pytest.mark.parametrize(
    "apg",
    [
        APG("self", rank=1),
        APG(["device"], rank=1, version="v3"),
        APG(["user_id", "item_id"], over_parameterization=4, rank=2),
        APG(["price", "user_id"], rank=2, aggregation="output_attention"),
    ],
    ids=["self", "group", "mix", "output"],
)


# TLSI and what it is compared with: their towers are static.
STATIC = {
    "DiffMSIN",
    "COLD",
    "DIEN",
    "LSTMPlusPlus",
    "NARM",
    "SLiRec",
    "StoredTargetAttention",
    "TLSI",
    "TimeLSTM",
}


def plain(name, **kwargs):
    model = models.get(name)(SIZED, **SMALL[name], **kwargs)
    model.build()
    return model


def outside(model):
    """Weights outside of the tower by path."""
    found = {weight.path.split("/", 1)[1]: weight for weight in model.weights}
    return {path: w for path, w in found.items() if not path.startswith("mlp/")}


def with_fake_tower(model):
    """Logits of a tower of zeros, and the inputs that it got."""
    seen = []

    def fake(inputs, conditions=None, training=False):
        seen.append(np.asarray(inputs))
        return tf.zeros((*inputs.shape[:-1], model.hidden_units[-1]))

    object.__setattr__(model, "mlp", fake)
    logits = {label: np.asarray(value) for label, value in model(X).items()}
    return logits, seen[0]


def test_there_are_models_to_test():
    assert {"DeepFM", "DCNv2", "DIN"} <= set(NAMES)
    with_tower = {n for n in models.names() if hasattr(plain(n), "mlp")}
    assert with_tower == set(NAMES) | STATIC


@every_model
def test_all_but_the_tower_is_bit_for_bit_that_of_the_static_model(name):
    static, adaptive = plain(name), plain(name, apg=BOTH_SIDES)
    assert type(static.mlp) is MLP
    assert type(adaptive.mlp) is AdaptiveMLP
    expected = outside(static)
    assert list(outside(adaptive)) == list(expected)
    for path, weight in outside(adaptive).items():
        np.testing.assert_array_equal(weight, expected[path])
    logits, inputs = with_fake_tower(static)
    for own, wanted in zip(with_fake_tower(adaptive), (logits, inputs), strict=True):
        for one, other in zip(
            tf.nest.flatten(own), tf.nest.flatten(wanted), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    assert inputs.any()


@every_model
@every_way
def test_request_form_equals_the_pointwise_one(name, apg):
    model, items = made(name, apg=apg), candidates(X, 3)
    for is_xla in (True, False):
        with kernels.xla(is_xla):
            scores = model.score(model.encode_user(part(X, USER_ROLES)), items)
            for label, logits in model(pairs(X, items)).items():
                expected = np.reshape(logits, (10, 3))
                np.testing.assert_allclose(scores[label], expected, atol=1e-5)


@every_model
def test_condition_is_the_embedding_of_the_named_feature(name):
    model = made(name, apg=APG(["user_id"], rank=2))
    before, others = np.asarray(model(X)["click"]), dict(X)
    core = model.mlp.dense_layers[0].parameter_generator.weights[0]
    core.assign(np.zeros(core.shape))
    assert np.abs(np.asarray(model(X)["click"]) - before).max() > 1e-4
    seen = []
    tower = model.mlp

    def spy(inputs, conditions=None, training=False):
        seen.append(np.asarray(conditions))
        return tower(inputs, conditions, training=training)

    object.__setattr__(model, "mlp", spy)
    with kernels.xla(False):
        model(X)
        others["device"] = np.roll(X["device"], 1)
        model(others)
        others["user_id"] = np.roll(X["user_id"], 1)
        model(others)
    assert seen[0].shape == (10, 1, model.dim)
    np.testing.assert_array_equal(seen[1], seen[0])
    np.testing.assert_array_equal(seen[2], np.roll(seen[0], 1, axis=0))


@every_model
def test_unknown_users_share_finite_parameters(name):
    model, unknown = made(name, apg=APG(["user_id"], rank=2)), dict(X)
    first = {key: np.repeat(value[:1], 10, axis=0) for key, value in X.items()}
    unknown = {**first, "user_id": np.full(10, 1, X["user_id"].dtype)}
    logits = np.asarray(model(unknown)["click"])
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(logits, logits[0], atol=1e-6)


@every_model
def test_merged_model_answers_as_before_and_has_the_size_of_v4(name, tmp_path):
    apg = APG(["user_id", "item_id"], over_parameterization=5, rank=2)
    model = made(name, apg=apg)
    small = merged(model)
    assert small.apg.version == "v4"
    assert small.count_params() == made(name, apg=apg.merged()).count_params()
    assert not [w for w in small.weights if "left" in w.path or "right" in w.path]
    small.save(tmp_path / "merged.keras")
    again = keras.models.load_model(tmp_path / "merged.keras")
    for label, logits in model(X).items():
        np.testing.assert_allclose(small(X)[label], logits, atol=1e-5)
        np.testing.assert_array_equal(again(X)[label], small(X)[label])


@every_model
def test_settings_are_json_and_come_back(name):
    settings = {"condition": ["user_id"], "rank": 2, "version": "v5"}
    model = models.get(name)(PLAIN, **SMALL[name], apg=settings)
    config = json.loads(json.dumps(model.get_config()))
    assert config["apg"]["over_parameterization"] is None
    again = type(model).from_config(config)
    assert again.apg == model.apg == APG(["user_id"], "v5", 2)


def test_unknown_condition_is_named_with_the_nearest():
    with pytest.raises(UnknownName, match=r"`apg condition`: .*Did you mean 'user_id'"):
        made("DeepFM", apg={"condition": ["userid"]})
    with pytest.raises(UnknownName, match=r"history_item_id.*expected one of"):
        made("DIN", apg={"condition": ["history_item_id"]})


def test_history_can_be_a_condition_where_it_is_pooled():
    model = made("DeepFM", apg=APG(["history_item_id"], rank=2))
    padded = dict(X)
    for column in model.schema.encoded_columns(["sequence"]):
        value = X[column.name]
        blank = np.zeros((10, 3, *value.shape[2:]), value.dtype)
        padded[column.name] = np.concatenate([value, blank], axis=1)
    np.testing.assert_allclose(model(padded)["click"], model(X)["click"], atol=1e-5)
    emptied = {n: np.zeros_like(v) if "history" in n else v for n, v in X.items()}
    assert np.isfinite(np.asarray(model(emptied)["click"])).all()


def test_rank_above_a_width_is_refused():
    with pytest.raises(InputError, match="`rank`: received 8, expected 1 to 4"):
        made("DeepFM", apg=APG("self"))


@pytest.mark.filterwarnings("ignore:APG v1")
def test_rank_none_generates_whole_matrices():
    model = made("DeepFM", apg={"condition": ["user_id"], "rank": None})
    first = model.mlp.dense_layers[0]
    width = first.width
    assert first.parameter_generator.shapes == {"kernel": [width, 8]}


def test_adaptive_tower_without_layers_is_refused():
    with pytest.raises(InputError, match=r"`hidden_units`: received \[\]"):
        made("AutoInt", hidden_units=(), apg=BOTH_SIDES)


def test_static_towers_take_no_conditions():
    assert conditions_of(None, ["a"], np.ones((2, 1, 3))) == {}
    assert conditions_of(APG("self"), ["a"], np.ones((2, 1, 3))) == {}


def test_conditions_come_in_the_order_of_the_settings():
    embedded = np.arange(12.0).reshape(2, 3, 2)
    found = conditions_of(APG(["c", "a"]), ["a", "b", "c"], embedded)["conditions"]
    np.testing.assert_array_equal(found, embedded[:, [2, 0]])


def test_nothing_to_merge_gives_the_model_itself():
    for apg in (None, BOTH_SIDES):
        model = made("DeepFM", apg=apg)
        assert merged(model) is model


def test_towers_of_a_model_without_the_setting_cannot_be_merged():
    apg = APG(["user_id"], rank=1, over_parameterization=2)
    inputs, conditions = keras.Input((20,)), keras.Input((1, 4))
    outputs = AdaptiveMLP([8], apg=apg)(inputs, conditions)
    with pytest.raises(InputError, match="`apg`: received None"):
        merged(keras.Model([inputs, conditions], outputs))
