"""Tests of `tfctr.layers.ModalSynergy`: A3 to A5 of the methods file."""

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.layers import ModalSynergy
from tfctr.layers.multimodal.modal_synergy import noise_schedule

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3, 4)).astype("float32")


def made(x=X, **arguments):
    layer = ModalSynergy(num_heads=2, seed=1, **arguments)
    layer.build(x.shape)
    return layer


def randomised(layer):
    for weight in layer.trainable_variables:
        noise = RNG.normal(scale=0.3, size=weight.shape)
        weight.assign(np.asarray(weight) + noise)
    return layer


def attention(layer, pair, x, y):
    """`A(x, y)` in numpy, for one pair."""
    kernels = [np.asarray(getattr(layer, f"{n}_kernel"))[pair] for n in NAMES]
    query, key, value = (
        (v @ kernel).reshape(-1, 2, 2)
        for v, kernel in zip((x, y, y), kernels, strict=True)
    )
    scores = np.einsum("bhx,bgx->bhg", query, key) / 2**0.5
    weights = scipy.special.softmax(scores, axis=-1)
    attended = np.einsum("bhg,bgx->bhx", weights, value).reshape(-1, 4)
    return x + np.asarray(layer.attention_gains)[pair] * attended


NAMES = ("query", "key", "value")


def estimate(layer, z):
    gates = scipy.special.expit(np.asarray(layer.pair_logits))
    found = np.zeros_like(z)
    for place, (own, other) in enumerate(layer.pairs):
        crossed = attention(layer, place, z[:, own], z[:, other])
        found[:, own] += gates[place] * crossed
    return found


def test_schedule_is_that_of_the_released_code():
    """A3; the numbers are those of T = 12 in the methods file."""
    left, kept = noise_schedule(12)
    expected = [1, 0.986, 0.946, 0.880, 0.794, 0.691, 0.578, 0.461, 0.346, 0.239]
    np.testing.assert_allclose(left[:10], expected, atol=6e-4)
    np.testing.assert_allclose(left[10:], [0.146, 0.074, 0.0245], atol=6e-4)
    assert np.prod(kept) == pytest.approx(left[-1], abs=1e-6)
    assert ((1 - kept) / np.sqrt(1 - left[1:]) < 1).all()


@pytest.mark.parametrize(
    ("step", "residual", "untreated"),
    [(0, 0.0, None), (1, 0.027, 0.208), (5, 0.167, 0.443), (11, 0.245, 1.42)],
)
def test_repair_with_the_true_noise(step, residual, untreated):
    """A4: exact at the first step, better than nothing at every other."""
    left, kept = noise_schedule(12)
    a = kept[step]
    h, noise = RNG.normal(size=(2, 100_000))
    z = np.sqrt(a) * h + np.sqrt(1 - a) * noise
    restored = (z - (1 - a) / np.sqrt(1 - left[step + 1]) * noise) / np.sqrt(a)
    error = np.sqrt(np.mean((restored - h) ** 2))
    assert error == pytest.approx(residual, abs=2e-3)
    if untreated is not None:
        assert np.sqrt((1 - a) / a) == pytest.approx(untreated, abs=6e-3)
        assert error < untreated


def test_steps_in_numpy():
    layer = randomised(made(num_steps=3))
    left, kept = noise_schedule(3)
    hidden = X.astype("float64")
    for step in range(3):
        z = np.sqrt(kept[step]) * hidden
        share = (1 - kept[step]) / np.sqrt(1 - left[step + 1])
        hidden = (z - share * estimate(layer, z)) / np.sqrt(kept[step])
    repaired, error = layer.repair(X)
    np.testing.assert_allclose(repaired, hidden, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(error, np.zeros(5))
    first, second = layer.mlp.dense_layers
    flat = hidden.reshape(5, -1) @ np.asarray(first.kernel) + np.asarray(first.bias)
    inner = np.asarray(tf.nn.gelu(flat))
    expected = inner @ np.asarray(second.kernel) + np.asarray(second.bias)
    expected += X.mean(axis=1)
    np.testing.assert_allclose(layer(X), expected, rtol=2e-3, atol=2e-3)


def test_released_schedule_in_numpy():
    """Pitfall 4: with T = 12 the first step multiplies the estimate by 138."""
    layer = randomised(made(num_steps=3, released_schedule=True))
    left = np.cos(0.45 * np.pi * np.arange(4) / 3) ** 2
    hidden = X.astype("float64")
    for step in range(3):
        a = left[step + 1] / left[step]
        z = np.sqrt(a) * hidden
        share = (1 - a) / np.sqrt(max(1 - left[step], 1e-8))
        hidden = (z - share * estimate(layer, z)) / np.sqrt(a)
    size = np.abs(hidden).max()
    np.testing.assert_allclose(layer.repair(X)[0] / size, hidden / size, atol=1e-5)
    once = made(num_steps=12, released_schedule=True)
    step, kept = [], noise_schedule(12)[1]
    once.estimate = lambda z: step.append(z) or np.ones_like(z)
    once.repair(X)
    moved = np.asarray(step[0] / kept[0] ** 0.5 - step[1] / kept[1] ** 0.5)
    np.testing.assert_allclose(moved * kept[0] ** 0.5, 138, rtol=0.01)


def test_noise_of_inference_has_the_variance_of_the_formula():
    x = np.zeros((20_000, 3, 4), "float32")
    layer = made(num_steps=1, inference_noise=True)
    left, kept = noise_schedule(1)
    part = 2 * scipy.special.expit(0.5)
    share = (1 - kept[0]) / np.sqrt(1 - left[1])
    expected = (1 - share * part) * np.sqrt(1 - kept[0]) / np.sqrt(kept[0])
    found = np.asarray(layer.repair(x)[0])
    assert found.std() == pytest.approx(abs(expected), rel=0.02)
    assert np.abs(np.asarray(layer(x) - layer(x))).max() > 0
    with pytest.raises(InputError, match="`inference_noise`: received True without"):
        made(noise=False, inference_noise=True)


def test_attention_adds_nothing_at_first():
    """A5: `A(x, y) = x` exactly while its gain is 0."""
    layer = made()
    expected = 2 * scipy.special.expit(0.5) * X
    np.testing.assert_allclose(layer.estimate(X), expected, rtol=1e-6)


def test_only_training_draws_noise():
    """A5."""
    layer = made()
    np.testing.assert_array_equal(layer(X), layer(X))
    assert np.abs(np.asarray(layer(X, training=True) - layer(X, training=True))).max()
    still = made(noise=False)
    np.testing.assert_array_equal(still(X, training=True), still(X))


def test_error_of_the_estimate_is_that_of_the_noise():
    """Modalities of 0 are all noise after one step, and the estimate a part of it."""
    layer, x = made(num_steps=1), np.zeros((20_000, 3, 4), "float32")
    _, kept = noise_schedule(1)
    part = 2 * scipy.special.expit(0.5) * np.sqrt(1 - kept[0])
    _, error = layer.repair(x, training=True)
    assert float(tf.reduce_mean(error)) == pytest.approx((1 - part) ** 2, rel=0.05)


def test_every_part_is_trained():
    """A2: the released code uses one of its six attentions."""
    layer = randomised(made())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(X) ** 2)
    values = [v.value for v in layer.trainable_variables]
    for value, gradient in zip(values, tape.gradient(loss, values), strict=True):
        norms = np.abs(np.asarray(gradient)).reshape(gradient.shape[0], -1).sum(-1)
        assert (norms > 0).all(), value.name


def test_one_modality_has_no_other_to_ask():
    layer = made(X[:, :1])
    assert not [w.path for w in layer.weights if "pair" in w.path]
    assert layer(X[:, :1]).shape == (5, 4)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"num_steps": 0}, "`num_steps`: received 0"),
        ({"num_heads": 0}, "`num_heads`: received 0"),
        ({"num_heads": 3}, "`num_heads`: received 3, expected a divisor of 4"),
    ],
)
def test_bad_arguments_are_refused(arguments, text):
    with pytest.raises(InputError, match=text):
        ModalSynergy(**arguments)(X)
