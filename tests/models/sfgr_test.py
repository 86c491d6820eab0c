"""Tests of `tfctr.models.SFGR`: D14, one pass is as many split samples."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models.sequences import SCHEMA, users
from tfctr import models

X = users()
REAL = (X["history_item_id"] != 0).astype("float32")
SETTINGS = {"dim": 8, "embedding_dim": 4, "hidden_units": (6,), "num_blocks": 2}


def twins(**kwargs):
    """A DFGR and an SFGR with the same weights."""
    pair = [cls(SCHEMA, **SETTINGS, **kwargs) for cls in (models.DFGR, models.SFGR)]
    rng = np.random.default_rng(7)
    for model in pair:
        model.build()
    for one, other in zip(*(m.trainable_variables for m in pair), strict=True):
        noise = np.asarray(one) + rng.normal(scale=0.4, size=one.shape)
        one.assign(noise)
        other.assign(noise)
    return pair


def loss_and_gradients(model, x):
    with tf.GradientTape() as tape:
        losses = tf.nn.softplus(model(x)["click"]) * REAL
        total = tf.reduce_sum(losses)
    gradients = tape.gradient(total, model.trainable_variables)
    return losses, [
        np.zeros(v.shape) if g is None else tf.convert_to_tensor(g).numpy()
        for g, v in zip(gradients, model.trainable_variables, strict=True)
    ]


@pytest.mark.parametrize(
    "kwargs",
    [{}, {"settings": {"diagonal": "none"}}, {"preset": "softmax"}],
    ids=["silu", "none", "softmax"],
)
def test_split_samples_have_the_losses_and_gradients_of_one_pass(kwargs):
    dual, split = twins(**kwargs)
    losses, gradients = loss_and_gradients(dual, X)
    expected, others = loss_and_gradients(split, X)
    np.testing.assert_allclose(losses, expected, atol=1e-5)
    assert sum(np.any(g) for g in gradients) > 20
    for one, other in zip(gradients, others, strict=True):
        scale = 1 + np.abs(other).max()
        np.testing.assert_allclose(one, other, atol=2e-5 * scale)


def test_leak_would_be_found():
    dual, split = twins()
    leaky = {**X, "history_visible": (np.arange(6)[None] + 1) * REAL.astype("int32")}
    assert np.abs(dual(leaky)["click"] - split(X)["click"]).max() > 1e-2
