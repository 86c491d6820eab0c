"""Tests of `tfctr.layers.SoftmaxAttention`."""

import numpy as np
import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.layers import SoftmaxAttention

RNG = np.random.default_rng(0)
BATCH, COUNT, TIME, DIM = 3, 4, 5, 2
QUERIES = RNG.normal(size=(BATCH, COUNT, DIM)).astype("float32")
KEYS = RNG.normal(size=(BATCH, TIME, DIM)).astype("float32")
VALUES = RNG.normal(size=(BATCH, TIME, 3)).astype("float32")
MASK = np.arange(TIME)[None] < np.array([[5], [2], [0]])
both = pytest.mark.parametrize("score", ["bilinear", "mlp"])


def made(score, **kwargs):
    layer = SoftmaxAttention(score=score, **kwargs)
    layer(QUERIES, KEYS, VALUES)
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape))
    return layer


def pooled(scores_of, queries, keys, values, mask):
    """A softmax over the real keys, one query at a time."""
    found = np.zeros((*queries.shape[:2], values.shape[-1]))
    for b, n in np.ndindex(*queries.shape[:2]):
        real = mask[b]
        if real.any():
            scores = np.array([scores_of(queries[b, n], key) for key in keys[b, real]])
            weights = np.exp(scores - scores.max())
            found[b, n] = weights / weights.sum() @ values[b, real]
    return found


def test_bilinear_score_by_hand():
    layer = made("bilinear")
    kernel = np.asarray(layer.kernel)
    expected = pooled(lambda q, k: q @ kernel @ k, QUERIES, KEYS, VALUES, MASK)
    found = layer(QUERIES, KEYS, VALUES, keys_mask=MASK)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_mlp_score_is_that_on_the_concatenation():
    layer = made("mlp", hidden_units=(5, 4), activation="tanh")
    kernel = RNG.normal(size=(4 * DIM, 5)).astype("float32")
    on_query, on_key, on_difference, on_product = np.split(kernel, 4)
    layer.query_kernel.assign(on_query + on_difference)
    layer.key_kernel.assign(on_key - on_difference)
    layer.product_kernel.assign(on_product)

    def score(q, k):
        hidden = np.concatenate([q, k, q - k, q * k]) @ kernel
        for bias, then in zip(layer.biases, layer.kernels, strict=True):
            hidden = np.tanh(hidden + np.asarray(bias)) @ np.asarray(then)
        return hidden[0]

    expected = pooled(score, QUERIES, KEYS, VALUES, MASK)
    found = layer(QUERIES, KEYS, VALUES, keys_mask=MASK)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@both
def test_weights_sum_to_one_over_real_keys_and_are_zero_at_padding(score):
    weights = np.asarray(made(score).weights_of(QUERIES, KEYS, keys_mask=MASK))
    np.testing.assert_allclose(weights[:2].sum(axis=-1), 1.0, rtol=1e-6)
    padding = np.broadcast_to(~MASK[:, None], weights.shape)
    assert not weights[padding].any()
    assert (weights[~padding] > 0).all()


@both
def test_row_without_keys_pools_to_zeros(score):
    found = made(score)(QUERIES, KEYS, VALUES, keys_mask=MASK)
    np.testing.assert_array_equal(found[2], np.zeros((COUNT, 3)))


@both
def test_history_without_places_pools_to_zeros(score):
    found = made(score)(QUERIES, KEYS[:, :0], VALUES[:, :0])
    np.testing.assert_array_equal(found, np.zeros((BATCH, COUNT, 3)))


@both
def test_padding_anywhere_equals_truncation(score):
    layer, mask = made(score), np.zeros((BATCH, TIME), bool)
    mask[:, [1, 4]] = True
    keys = np.where(mask[..., None], KEYS, 1e6).astype("float32")
    np.testing.assert_allclose(
        layer(QUERIES, keys, VALUES, keys_mask=mask),
        layer(QUERIES, KEYS[:, [1, 4]], VALUES[:, [1, 4]]),
        rtol=1e-4,
        atol=1e-5,
    )


@both
def test_scores_of_single_precision_stay_so_under_a_mixed_policy(score):
    exact = made(score)
    mixed = SoftmaxAttention(score=score, dtype="mixed_bfloat16")
    mixed(QUERIES, KEYS, VALUES)
    mixed.set_weights(exact.get_weights())
    # Half precision keeps 8 bits, single precision 24.
    np.testing.assert_allclose(
        mixed.weights_of(QUERIES, KEYS), exact.weights_of(QUERIES, KEYS), rtol=1e-5
    )


def test_unknown_score_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match=r"`score`.*Did you mean 'bilinear'"):
        SoftmaxAttention(score="billinear")


@pytest.mark.parametrize("units", [[], [4, 0]])
def test_widths_have_to_be_positive(units):
    with pytest.raises(InputError, match=r"`hidden_units`.*positive widths"):
        SoftmaxAttention(hidden_units=units)


def test_mlp_needs_queries_as_wide_as_keys():
    with pytest.raises(InputError, match="`keys`: received width 3, expected that of"):
        SoftmaxAttention()(QUERIES, VALUES, VALUES)
