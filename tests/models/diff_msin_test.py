"""Tests of `tfctr.models.DiffMSIN`: A1, A2, A5, A7 and A9 of the methods file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import SIZED, USER_ROLES, made, part, rows
from tfctr.errors import InputError, UnknownName
from tfctr.losses import knowledge_decoupling_loss
from tfctr.models import DiffMSIN

X, Y, WEIGHTS = rows(16)
VARIANTS = [
    {},
    {"synergy": False},
    {"fusion": False},
    {"decoupling_weight": 0.0},
    {"modalities": ()},
    {"released_code_compat": ["alpha_bar", "residual_experts", "synergy_loss"]},
    {"tables": {"text": 5}},
    {"tables": {"text": 5}, "modalities": ["text"], "train_tables": True},
]


def outputs(model, x=X, training=False):
    return {name: np.asarray(v) for name, v in model(x, training=training).items()}


@pytest.mark.parametrize("arguments", VARIANTS)
def test_variants_answer_are_trained_and_saved(arguments, tmp_path):
    """A1 and A2: each weight has a gradient, every logit is finite."""
    model = made("DiffMSIN", **arguments)
    expected = outputs(model)
    assert {name: logits.shape for name, logits in expected.items()} == {
        "click": (16,),
        "buy": (16,),
    }
    with tf.GradientTape() as tape:
        found = model(X, training=True)
        loss = sum(tf.reduce_sum(value) for value in found.values())
    weights = model.trainable_variables
    for weight, gradient in zip(
        weights, tape.gradient(loss, [w.value for w in weights]), strict=True
    ):
        assert gradient is not None, weight.path
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for name, logits in outputs(again).items():
        np.testing.assert_allclose(logits, expected[name], rtol=1e-5, atol=1e-6)


def test_history_without_events_is_finite():
    blank = {name: np.zeros_like(values) for name, values in X.items()}
    for logits in outputs(made("DiffMSIN"), blank).values():
        assert np.isfinite(logits).all()


def test_answers_are_the_same_twice_and_training_draws_noise():
    """A5."""
    model = made("DiffMSIN", noise=True)
    for one, two in zip(outputs(model).values(), outputs(model).values(), strict=True):
        np.testing.assert_array_equal(one, two)
    noisy = [outputs(model, training=True)["click"] for _ in range(2)]
    assert np.abs(noisy[0] - noisy[1]).max() > 0
    still = made("DiffMSIN", noise=False)
    noisy = [outputs(still, training=True)["click"] for _ in range(2)]
    np.testing.assert_array_equal(*noisy)


def special(model, x):
    state = model.encode_user(part(x, USER_ROLES))
    items = {name: v[:, None] for name, v in part(x, ["item"]).items()}
    found = model.interests(state, items)
    return np.asarray(model.experts(found["interests"])["special"])


def test_one_modality_leaves_the_special_parts_of_the_others():
    """A9."""
    model = made("DiffMSIN")
    before = special(model, X)
    moved = {**X, "picture": X["picture"] + 1, "history_picture": X["history_picture"]}
    moved["history_picture"] = np.where(
        X["history_picture"] == 0, 0, X["history_picture"] + 1
    ).astype("float32")
    after = special(model, moved)
    np.testing.assert_array_equal(after[:, 0], before[:, 0])
    assert np.abs(after[:, 1] - before[:, 1]).max() > 0


def test_a_missing_vector_has_the_stand_in():
    model = made("DiffMSIN")
    names = ["picture", "history_picture"]
    missing = {**X, **{name: np.zeros_like(X[name]) for name in names}}
    before = outputs(model, missing)["click"]
    projection = model.projections["picture"]
    assert np.isfinite(before).all()
    projection.kernel.assign(np.ones(projection.kernel.shape))
    np.testing.assert_array_equal(outputs(model, missing)["click"], before)
    projection.stand_in.assign(np.asarray(projection.stand_in) + 1)
    assert np.abs(outputs(model, missing)["click"] - before).max() > 0


def test_losses_are_reported_one_by_one_and_add_up():
    model = made(
        "DiffMSIN",
        decoupling_weight=0.3,
        synergy_weight=0.2,
        noise_weight=2.0,
        noise=True,
    )
    model.compile(keras.optimizers.SGD(0.0), weighted_metrics=[], run_eagerly=True)
    history = model.fit(X, Y, sample_weight=WEIGHTS, batch_size=16, verbose=0).history
    found = {name: values[0] for name, values in history.items()}
    expected = found["label_loss"] + 0.3 * found["decoupling_loss"]
    expected += 0.2 * found["synergy_loss"] + 2 * found["noise_loss"]
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    assert -2 <= found["decoupling_loss"] <= 2
    assert 0 <= found["synergy_loss"] <= 2
    evaluated = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert not {"decoupling_loss", "synergy_loss"} & set(evaluated)


def test_noise_is_that_of_the_forward_pass():
    """A step repairs twice, history and candidate; the loss is the history's."""
    model = made("DiffMSIN", noise=True)
    repair, found = model.synergy.repair, []
    model.synergy.repair = lambda x, training: (
        found.append(repair(x, training=training)) or found[-1]
    )
    noise = outputs(model, training=True)["training/noise"]
    assert len(found) == 2
    np.testing.assert_array_equal(noise, found[0][1])
    assert np.abs(noise - np.asarray(found[1][1])).min() > 0
    assert noise.min() > 0


def test_losses_are_those_of_the_formulas():
    model = made("DiffMSIN", noise=False)
    found = outputs(model, training=True)
    state = model.encode_user(part(X, USER_ROLES))
    items = {name: v[:, None] for name, v in part(X, ["item"]).items()}
    made_of = model.interests(state, items)
    apart = []
    for side in ("interests", "candidates"):
        parts = model.experts(made_of[side])
        loss = knowledge_decoupling_loss(parts["special"], parts["common"])
        apart.append(np.asarray(loss))
    expected = sum(apart) / 2
    np.testing.assert_allclose(found["training/decoupling"], expected, atol=1e-5)
    losses = model.training_losses(
        Y, {n[9:]: v for n, v in found.items() if n.startswith("training/")}, None
    )
    one, two = found["training/synergy"], found["training/candidate_synergy"]
    cosine = (one * two).sum(-1)
    cosine /= np.linalg.norm(one, axis=-1) * np.linalg.norm(two, axis=-1)
    sign = 2 * Y["click"] - 1
    assert float(losses["synergy_loss"][1]) == pytest.approx(
        (1 - sign * cosine).mean(), rel=1e-4
    )


def test_released_synergy_is_drawn_from_the_id_of_clicked_candidates():
    model = made("DiffMSIN", noise=False, released_code_compat=["synergy_loss"])
    found = outputs(model, training=True)
    state = model.encode_user(part(X, USER_ROLES))
    items = {name: v[:, None] for name, v in part(X, ["item"]).items()}
    target = np.asarray(model.interests(state, items)["candidates"])[:, 0]
    losses = model.training_losses(
        Y, {n[9:]: v for n, v in found.items() if n.startswith("training/")}, None
    )
    synergy = found["training/synergy"]
    cosine = (synergy * target).sum(-1)
    cosine /= np.linalg.norm(synergy, axis=-1) * np.linalg.norm(target, axis=-1)
    expected = Y["click"] * np.maximum(cosine, 0)
    assert expected.max() > 0
    weight, loss = losses["synergy_loss"]
    assert weight == 0.05
    assert float(loss) == pytest.approx(expected.mean(), rel=1e-4)


def test_released_variants_reach_the_layers():
    names = ["residual_experts", "alpha_bar", "inference_noise", "alpha_bar"]
    model = made("DiffMSIN", noise=True, released_code_compat=names)
    assert model.get_config()["released_code_compat"] == sorted(set(names))
    assert model.experts.residual
    assert model.synergy.released_schedule
    assert np.abs(outputs(model)["click"] - outputs(model)["click"]).max() > 0
    plain = made("DiffMSIN")
    assert plain.get_config()["released_code_compat"] == []
    layers = plain.synergy.released_schedule, plain.synergy.inference_noise
    assert (*layers, plain.experts.residual) == (False, False, False)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"released_code_compat": "alpha_bar"}, InputError, "a list of names"),
        ({"released_code_compat": ["alpha"]}, UnknownName, "mean 'alpha_bar'"),
        ({"modalities": ["pictures"]}, UnknownName, "Did you mean 'picture'"),
        ({"modalities": ["picture", "picture"]}, InputError, "`modalities`"),
        ({"tables": {"picture": 3}}, InputError, "`tables`: received picture"),
        ({"tables": {"id": 3}}, InputError, "`tables`: received id"),
        ({"history": "histori"}, UnknownName, "Did you mean 'history'"),
        ({"num_heads": 3}, InputError, "`num_heads`: received 3"),
        ({"synergy_weight": -1.0}, InputError, "`synergy_weight`: received -1"),
        ({"noise_weight": float("nan")}, InputError, "`noise_weight`: received nan"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        DiffMSIN(SIZED, **{"dim": 4, **arguments})
