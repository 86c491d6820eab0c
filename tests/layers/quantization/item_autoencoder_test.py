"""Tests of `tfctr.layers.ItemAutoencoder`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.layers import ItemAutoencoder

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(7, 6)).astype("float32")


def made(**kwargs):
    layer = ItemAutoencoder(
        [5, 4], quantizer={"num_levels": 2, "num_codes": 3}, **kwargs
    )
    layer(ROWS)
    return layer


def test_latents_have_the_given_length():
    lengths = np.linalg.norm(made(norm=2.5)(ROWS)["latents"], axis=-1)
    np.testing.assert_allclose(lengths, 2.5, rtol=1e-5)


def test_loss_is_what_was_missed_and_that_of_the_quantizer():
    layer = made()
    found = layer(ROWS)
    scaled = ROWS / np.sqrt((ROWS**2).mean(1, keepdims=True))
    missed = ((scaled - np.asarray(layer.decoder(found["quantized"]))) ** 2).sum(1)
    own = layer.quantization(found["latents"])["loss"]
    np.testing.assert_allclose(found["loss"], missed + np.asarray(own), rtol=1e-5)


def test_small_rows_are_as_much_to_miss_as_large_ones():
    layer = made()
    found, small = layer(ROWS), layer(ROWS / 1000)
    np.testing.assert_allclose(small["loss"], found["loss"], rtol=1e-4)
    np.testing.assert_array_equal(small["codes"], found["codes"])


def test_row_of_zeros_stays_finite():
    found = made()(np.zeros((2, 6), "float32"))
    assert np.isfinite(found["loss"]).all()


def test_rows_are_targets_and_not_trained_to_be_easy():
    """Only through the encoder: without it the loss has no gradient to the rows."""
    layer, rows = made(), tf.constant(ROWS)
    layer.encoder = lambda x: tf.stop_gradient(x)[:, :4]
    with tf.GradientTape() as tape:
        tape.watch(rows)
        loss = layer(rows)["loss"]
    assert tape.gradient(loss, rows) is None


def test_encoder_learns_from_what_was_missed():
    """Straight through the codes."""
    layer = made()
    with tf.GradientTape() as tape:
        decoded = layer(ROWS)["decoded"]
    gradient = tape.gradient(decoded, layer.encoder.dense_layers[0].kernel.value)
    assert np.abs(gradient).max() > 0


def test_length_must_be_positive():
    with pytest.raises(InputError, match="`norm`: received 0"):
        made(norm=0)
