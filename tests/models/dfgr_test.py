"""Tests of `tfctr.models.DFGR`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.features.shop import small_schema
from tests.models.data import SIZED, rows
from tests.models.sequences import SCHEMA, request_at, users
from tfctr.errors import InputError, UnknownName
from tfctr.models import DFGR

X = users()
REAL = X["history_item_id"] != 0
SETTINGS = {"dim": 8, "embedding_dim": 4, "hidden_units": (6,)}


def made(schema=SCHEMA, **kwargs):
    model = DFGR(schema, **{**SETTINGS, **kwargs})
    model.build()
    rng = np.random.default_rng(7)
    for weight in model.trainable_variables:
        noise = rng.normal(scale=0.4, size=weight.shape)
        weight.assign(np.asarray(weight, "float32") + noise)
    return model


def labels(seed=0):
    rng = np.random.default_rng(seed)
    return {n: rng.integers(0, 2, REAL.shape).astype("float32") for n in ("click",)}


def loss_of(logits, y, weight):
    losses = tf.nn.sigmoid_cross_entropy_with_logits(y, logits)
    return tf.reduce_sum(losses * weight)


@pytest.mark.parametrize("preset", ["research", "ranking", "softmax"])
def test_own_action_is_never_seen(preset):
    model = made(preset=preset, settings={"time_bias": True})
    before = model(X)["click"][-1]
    for place in range(6):
        action = X["history_action"].copy()
        action[-1, place] = 1 + action[-1, place] % 3
        watched = X["history_seconds_watched"].copy()
        watched[-1, place] += 2
        changed = {**X, "history_action": action, "history_seconds_watched": watched}
        change = np.abs(before - model(changed)["click"][-1])
        np.testing.assert_array_equal(change[: place + 1], 0)
        assert (change[place + 1 :] > 1e-6).all()


def test_one_pass_gives_losses_and_gradients_of_split_samples():
    model, y = made(), labels()["click"]
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        whole = loss_of(model(X)["click"], y, REAL.astype("float32"))
    expected = tape.gradient(whole, variables)
    with tf.GradientTape() as tape:
        total = tf.add_n(
            [
                loss_of(
                    model(request_at(X, place))["click"],
                    y[:, place],
                    REAL[:, place].astype("float32"),
                )
                for place in range(REAL.shape[1])
            ]
        )
    found = tape.gradient(total, variables)
    np.testing.assert_allclose(total, whole, rtol=1e-5)
    for variable, one, other in zip(variables, found, expected, strict=True):
        assert (one is None) == (other is None), variable.path
        if one is not None:
            one, other = map(tf.convert_to_tensor, (one, other))
            scale = 1 + np.abs(other).max()
            np.testing.assert_allclose(one, other, atol=2e-5 * scale, rtol=1e-4)


def test_nothing_reads_the_real_flow_behind_the_last_block():
    model, outputs = made(num_blocks=2), []
    block = model.blocks[-1]
    block.both = lambda *_: outputs.append("both")
    block.read = lambda *_: outputs.append("read")
    model(X)
    model(request_at(X, 3))
    assert not outputs


def test_divisor_is_the_longest_history_unless_it_is_given():
    assert made().blocks[0].settings.divisor == 6
    assert made(settings={"divisor": 2.5}).blocks[1].settings.divisor == 2.5


def test_unknown_settings_are_refused_with_the_nearest():
    with pytest.raises(UnknownName, match=r"`settings`.*Did you mean 'diagonal'"):
        DFGR(SCHEMA, settings={"diagnal": "none"})


def test_users_without_a_request_need_a_model_without_context():
    x, _, _ = rows(4)
    whole = {n: v for n, v in x.items() if n.startswith(("history", "user", "age"))}
    whole["interests"] = x["interests"]
    with pytest.raises(InputError, match=r"`context`.*Make it with `context=False`"):
        made(SIZED)(whole)
    assert made(SIZED, context=False)(whole)["click"].shape == (4, 4)


def test_users_need_their_columns():
    x = {n: v for n, v in X.items() if n != "history_action"}
    with pytest.raises(UnknownName, match="`input history_action`"):
        made()(x)


def test_schema_without_history_is_refused():
    with pytest.raises(InputError, match="`sequences`: received none"):
        DFGR(small_schema().with_sizes({"user_id": 3, "item_id": 3}))


@pytest.mark.parametrize("seed", [0, 1])
def test_past_actions_are_what_is_learnt_and_shuffling_them_removes_it(seed):
    x = users(64, 6, seed=seed)
    real = x["history_item_id"] != 0
    # Whether the event before had this action says whether there is a click.
    follows = np.pad(x["history_action"][:, :-1] == 2, [(0, 0), (1, 0)])
    y = {"click": follows.astype("float32"), "buy": 1 - follows.astype("float32")}
    weights = {n: real.astype("float32") for n in y}
    model = DFGR(SCHEMA, num_blocks=1, seed=seed, **SETTINGS)
    model.compile(keras.optimizers.Adam(0.02), weighted_metrics=[])
    data = tf.data.Dataset.from_tensors((x, y, weights)).repeat(120)
    history = model.fit(data, epochs=2, verbose=0).history["loss"]
    assert history[1] < 0.5 * history[0]

    def gap(actions):
        logits = np.asarray(model({**x, "history_action": actions})["click"])
        return logits[real & follows].mean() - logits[real & ~follows].mean()

    rng, shuffled = np.random.default_rng(seed), []
    for _ in range(10):
        actions = x["history_action"].copy()
        actions[real] = rng.permutation(actions[real])
        shuffled.append(gap(actions))
    assert gap(x["history_action"]) > 2
    assert abs(np.mean(shuffled)) < 0.3 * gap(x["history_action"])
