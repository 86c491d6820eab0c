"""Tests of `tfctr.layers.ModalExperts`."""

import numpy as np
import tensorflow as tf

from tfctr.layers import ModalExperts

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3, 6)).astype("float32")


def test_each_modality_has_a_special_and_a_common_expert():
    layer = ModalExperts(seed=1)
    found = layer(X)
    for kind in ("special", "common"):
        experts = getattr(layer, f"{kind}_experts")
        assert [len(experts), found[kind].shape] == [3, (4, 3, 6)]
        for place, expert in enumerate(experts):
            first, second = expert.dense_layers
            hidden = X[:, place] @ np.asarray(first.kernel)
            expected = np.maximum(hidden, 0) @ np.asarray(second.kernel)
            np.testing.assert_allclose(
                found[kind][:, place], expected, rtol=1e-4, atol=1e-5
            )


def test_residual_experts_add_what_they_get():
    plain, residual = ModalExperts(seed=1)(X), ModalExperts(seed=1, residual=True)(X)
    for kind in ("special", "common"):
        expected = np.asarray(plain[kind]) + X
        np.testing.assert_allclose(residual[kind], expected, rtol=1e-5, atol=1e-6)


def test_one_modality_leaves_the_experts_of_the_others():
    """A9."""
    layer = ModalExperts(seed=1)
    before, x = layer(X), X.copy()
    x[:, 2] += 1
    after = layer(x)
    for kind in ("special", "common"):
        np.testing.assert_array_equal(after[kind][:, :2], before[kind][:, :2])
        assert np.abs(np.asarray(after[kind] - before[kind])[:, 2]).max() > 0


def test_every_expert_is_trained():
    """A2: those of the released code are not."""
    layer = ModalExperts(seed=1)
    with tf.GradientTape() as tape:
        found = layer(X)
        loss = sum(tf.reduce_sum(value**2) for value in found.values())
    assert len(layer.trainable_variables) == 2 * 3 * 4
    for gradient in tape.gradient(loss, [v.value for v in layer.trainable_variables]):
        assert float(tf.norm(gradient)) > 0
