"""Tests of `tfctr.layers.FieldAttention`."""

import keras
import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import FieldAttention
from tfctr.layers.interaction.field_attention import KERNELS

RNG = np.random.default_rng(0)
FIELDS = RNG.normal(size=(6, 5, 3)).astype("float32")


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def attention(fields, kernels, num_heads):
    """The layer in numpy, one head and one row after the other."""
    query, key, value, residual = kernels
    width = query.shape[1] // num_heads
    rows = []
    for row in fields:
        heads = []
        for head in range(num_heads):
            own = slice(head * width, (head + 1) * width)
            weights = softmax(row @ query[:, own] @ (row @ key[:, own]).T)
            heads.append(weights @ (row @ value[:, own]))
        rows.append(np.maximum(np.concatenate(heads, axis=-1) + row @ residual, 0))
    return np.stack(rows)


def test_two_fields_by_hand():
    # Fields 0 and ln 3: queries 0 and 1, keys 0 and ln 3, values 0 and 8, residuals 0
    # and -5. Scores (0, 0) and (0, ln 3), weights (1/2, 1/2) and (1/4, 3/4), so that
    # the result is 4 + 0 and 6 - 5.
    layer = FieldAttention(num_heads=1, head_dim=1)
    layer.build((None, 2, 1))
    log = float(np.log(3))
    for name, weight in zip(KERNELS, (1 / log, 1.0, 8 / log, -5 / log), strict=True):
        getattr(layer, name).assign([[weight]])
    found = layer(np.float32([[[0.0], [log]]]))
    np.testing.assert_allclose(found, [[[4.0], [1.0]]], rtol=1e-5)


@pytest.mark.parametrize(("num_heads", "head_dim"), [(1, 4), (3, 2)])
def test_equals_numpy(num_heads, head_dim):
    layer = FieldAttention(num_heads=num_heads, head_dim=head_dim, seed=5)
    found = np.asarray(layer(FIELDS))
    kernels = [np.asarray(getattr(layer, name)) for name in KERNELS]
    expected = attention(FIELDS, kernels, num_heads)
    assert 0.1 < (found > 0).mean() < 0.9
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_equals_multi_head_attention_of_keras():
    layer = FieldAttention(num_heads=2, head_dim=4, seed=5)
    found = np.asarray(layer(FIELDS))
    theirs = keras.layers.MultiHeadAttention(2, 4, use_bias=False, output_shape=8)
    theirs.build(FIELDS.shape, FIELDS.shape)
    # Keras divides scores by the root of the width: here the queries make up for it.
    query, key, value = (
        np.asarray(getattr(layer, name)).reshape(3, 2, 4) for name in KERNELS[:3]
    )
    theirs.set_weights([query * 2, key, value, np.eye(8).reshape(2, 4, 8)])
    attended = np.asarray(theirs(FIELDS, FIELDS))
    expected = np.maximum(attended + FIELDS @ np.asarray(layer.residual_kernel), 0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_order_of_fields_does_not_matter():
    layer = FieldAttention(num_heads=2, head_dim=3)
    found = np.asarray(layer(FIELDS[:, ::-1]))[:, ::-1]
    np.testing.assert_allclose(found, layer(FIELDS), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["num_heads", "head_dim"])
def test_sizes_have_to_be_positive(name):
    with pytest.raises(InputError, match=f"`{name}`: received 0"):
        FieldAttention(**{name: 0})


def test_unknown_width_is_refused():
    with pytest.raises(InputError, match=r"`fields`: received shape \(None, 3, None\)"):
        FieldAttention().build((None, 3, None))
