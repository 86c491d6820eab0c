"""Tests of `tfctr.layers.OverParameterizedAdaptiveDense`."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.interaction.adaptive.oracle import (
    CONDITION,
    RANK,
    UNITS,
    WIDTH,
    agree,
    data,
    made,
    weight,
)
from tfctr.errors import InputError
from tfctr.layers import OverParameterizedAdaptiveDense, SharedAdaptiveDense


def test_parameters_of_a_layer_counted_by_hand():
    layer = OverParameterizedAdaptiveDense(23, rank=5, inner_width=20)
    layer.build((None, 37), (None, 9))
    # Core, then 37 * 20, 20 * 5, 5 * 20, 20 * 23, and 23 biases.
    assert layer.count_params() == 250 + 740 + 100 + 100 + 460 + 23 == 1673


def test_five_maps_one_after_the_other_give_the_outputs():
    layer, (inputs, condition) = made("v5"), data()
    hidden = inputs.astype("float64")
    for name in ("input_factor_left", "input_factor_right"):
        hidden = hidden @ weight(layer, name)
    cores = condition @ weight(layer, "output/kernel") + weight(layer, "output/bias")
    hidden = np.einsum("rk,rkl->rl", hidden, cores.reshape(-1, RANK, RANK))
    for name in ("output_factor_left", "output_factor_right"):
        hidden = hidden @ weight(layer, name)
    agree(layer(inputs, condition), hidden + np.asarray(layer.bias))


def test_merged_layer_has_the_outputs_and_the_weights_of_v4():
    layer, (inputs, condition) = made("v5", activation="tanh"), data()
    merged = layer.merge()
    assert type(merged) is SharedAdaptiveDense
    agree(merged(inputs, condition), np.asarray(layer(inputs, condition)))
    assert {w.path.split("/", 1)[1]: tuple(w.shape) for w in merged.weights} == {
        "generator/output/kernel": (CONDITION, RANK**2),
        "generator/output/bias": (RANK**2,),
        "input_factor": (WIDTH, RANK),
        "output_factor": (RANK, UNITS),
        "bias": (UNITS,),
    }


def test_merged_layer_keeps_a_deep_generator():
    cls = OverParameterizedAdaptiveDense
    layer = cls(UNITS, rank=2, inner_width=3, generator={"units": [6, 2]})
    layer(*data())
    agree(layer.merge()(*data()), np.asarray(layer(*data())))


def test_layer_goes_on_training_after_it_was_merged():
    layer, arrays = made("v5"), data()
    merged = layer.merge()
    before = np.asarray(merged(*arrays))
    layer.input_factor_left.assign_add(np.ones((WIDTH, 6), "float32"))
    assert np.abs(np.asarray(layer(*arrays)) - before).max() > 0.1
    np.testing.assert_array_equal(merged(*arrays), before)


def test_folded_factors_are_read_until_they_are_taken_back():
    layer, arrays = made("v5"), data()
    before = np.asarray(layer(*arrays))
    layer.fold((tf.zeros((WIDTH, RANK)), tf.zeros((RANK, UNITS))))
    np.testing.assert_array_equal(
        layer(*arrays), np.tile(np.asarray(layer.bias), (6, 1))
    )
    layer.fold(None)
    np.testing.assert_array_equal(layer(*arrays), before)


def test_gradient_of_a_factor_is_that_of_v4_through_the_product():
    layer, arrays = made("v5"), data()
    merged = layer.merge()
    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_sum(layer(*arrays) ** 2)
        merged_loss = tf.reduce_sum(merged(*arrays) ** 2)
    by_factor = tape.gradient(merged_loss, merged.input_factor.value)
    for name, wanted in (
        ("input_factor_left", by_factor @ tf.transpose(layer.input_factor_right)),
        ("input_factor_right", tf.transpose(layer.input_factor_left) @ by_factor),
    ):
        found = np.asarray(tape.gradient(loss, getattr(layer, name).value))
        wanted = np.asarray(wanted)
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_inner_width_below_the_rank_is_refused():
    with pytest.raises(InputError, match="`inner_width`: received 2, expected at le"):
        OverParameterizedAdaptiveDense(9, rank=3, inner_width=2)
