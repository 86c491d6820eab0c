"""Tests of `tfctr.layers.BilinearAttention`."""

import numpy as np

from tfctr.layers import BilinearAttention

RNG = np.random.default_rng(0)
CANDIDATES = RNG.normal(size=(3, 4, 2)).astype("float32")
EVENTS = RNG.normal(size=(3, 5, 3)).astype("float32")
MASK = np.arange(5)[None] < np.array([[5], [2], [0]])


def made():
    layer = BilinearAttention()
    layer.build(CANDIDATES.shape, EVENTS.shape)
    return layer


def test_weights_are_the_softmax_of_the_bilinear_form():
    layer = made()
    kernel = np.asarray(layer.kernel)
    weights = layer(CANDIDATES, EVENTS, events_mask=MASK).numpy()
    for row, length in enumerate([5, 2, 0]):
        for place in range(4):
            scores = EVENTS[row, :length] @ kernel.T @ CANDIDATES[row, place]
            expected = np.zeros(5)
            expected[:length] = np.exp(scores) / np.exp(scores).sum()
            np.testing.assert_allclose(weights[row, :, place], expected, rtol=1e-4)


def test_equal_candidates_and_events_share_evenly():
    weights = made()(np.ones((1, 1, 2)), np.ones((1, 4, 3)))
    np.testing.assert_allclose(weights[0, :, 0], [0.25] * 4, rtol=1e-6)


def test_weights_are_float32_under_mixed_precision():
    layer = BilinearAttention(dtype="mixed_bfloat16")
    weights = layer(CANDIDATES, np.repeat(EVENTS, 60, axis=1))
    assert weights.dtype == "float32"
    np.testing.assert_allclose(weights.numpy().sum(axis=1), np.ones((3, 4)), rtol=1e-5)
