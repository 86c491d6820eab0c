"""Tests of `tfctr.layers.CompressedInteraction`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.layers import CompressedInteraction
from tfctr.layers.interaction import compressed_interaction

RNG = np.random.default_rng(0)
FIELDS = RNG.normal(size=(6, 5, 3)).astype("float32")


def built(num_feature_maps, shape, **kwargs):
    """A layer, and its kernels `(field, map before, map)`."""
    layer = CompressedInteraction(num_feature_maps, **kwargs)
    layer.build(shape)
    before = [shape[1], *num_feature_maps[:-1]]
    kernels = [
        tf.reshape(tf.identity(k.value), (shape[1], count, -1))
        for k, count in zip(layer.kernels, before, strict=True)
    ]
    return layer, kernels


def by_definition(fields, kernels, activation=lambda x: x):
    """Equation (6) as one sum over all products, and the sums over `dim`."""
    maps, sums = fields, []
    for kernel in kernels:
        maps = activation(tf.einsum("bid,bjd,jih->bhd", maps, fields, kernel))
        sums.append(tf.reduce_sum(maps, axis=-1))
    return tf.concat(sums, axis=-1)


def test_two_fields_by_hand():
    # Products of (1, 2) and (3, 4): (1, 4), (3, 8), (3, 8), (9, 16). Weighed by 1, 10
    # for field 0 and by 100, 1000 for field 1: (1 + 30 + 300 + 9000, 4 + 80 + 800
    # + 16000); their sum is 26215.
    layer = CompressedInteraction([1])
    layer.build((None, 2, 2))
    layer.kernels[0].assign([[1.0], [10.0], [100.0], [1000.0]])
    np.testing.assert_allclose(layer(np.float32([[[1, 2], [3, 4]]])), [[26215.0]])


@pytest.mark.parametrize("at_once", [1, 9, 128])
def test_outputs_and_gradients_equal_the_definition(at_once, monkeypatch):
    monkeypatch.setattr(compressed_interaction, "PRODUCTS_AT_ONCE", at_once)
    layer, kernels = built([4, 3, 2], FIELDS.shape, activation="tanh", seed=2)
    fields = tf.constant(FIELDS)
    factors = RNG.normal(size=(6, 9)).astype("float32")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([fields, *kernels])
        found = layer(fields)
        expected = by_definition(fields, kernels, tf.tanh)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    ours = tape.gradient(found, [fields, *layer.kernels], output_gradients=factors)
    theirs = tape.gradient(expected, [fields, *kernels], output_gradients=factors)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(
            tf.reshape(one, tf.shape(other)), other, rtol=1e-4, atol=1e-5
        )


def test_degree_is_one_more_than_the_layers():
    layer, _ = built([2, 2, 2], FIELDS.shape)
    double, single = np.asarray(layer(2 * FIELDS)), np.asarray(layer(FIELDS))
    np.testing.assert_allclose(double, single * np.repeat([4, 8, 16], 2), rtol=1e-4)


@pytest.mark.parametrize(
    ("fields", "kernel"),
    [
        # Over `dim`: products of field 1 with map 0, in each of three.
        ([[200, 200, -200], [200, 200, 200]], [0, 0, 1, 0]),
        # Over fields: products of each with map 0.
        ([[200], [200], [-200]], [1, 0, 0, 1, 0, 0, 1, 0, 0]),
    ],
    ids=["dim", "fields"],
)
def test_sums_are_taken_in_single_precision(fields, kernel, monkeypatch):
    # 40,000 + 40,000 - 40,000: the sum of the first two is no float16.
    monkeypatch.setattr(compressed_interaction, "PRODUCTS_AT_ONCE", 1)
    layer = CompressedInteraction([1], dtype="mixed_float16")
    fields = np.float32([fields])
    layer.build(fields.shape)
    layer.kernels[0].assign(np.float32(kernel)[:, None])
    found = layer(fields)
    assert found.dtype == "float16"
    np.testing.assert_allclose(np.float32(found), [[40_000]], rtol=1e-3)


@pytest.mark.parametrize("counts", [[], [3, 0]])
def test_numbers_of_maps_have_to_be_positive(counts):
    with pytest.raises(InputError, match="`num_feature_maps`: received"):
        CompressedInteraction(counts)


def test_unknown_number_of_fields_is_refused():
    with pytest.raises(InputError, match=r"`fields`: received shape \(None, None, 3\)"):
        CompressedInteraction([2]).build((None, None, 3))
