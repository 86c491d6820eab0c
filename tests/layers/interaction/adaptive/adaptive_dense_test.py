"""Tests of `tfctr.layers.AdaptiveDense`: what all its kinds have in common."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.interaction.adaptive.oracle import (
    CONDITION,
    KINDS,
    UNITS,
    WIDTH,
    agree,
    data,
    expected,
    made,
)
from tfctr.errors import InputError, UnknownName
from tfctr.layers import AdaptiveDense

every_kind = pytest.mark.parametrize("version", KINDS)
low_rank = pytest.mark.parametrize("version", ["v2", "v3", "v4", "v5"])


@every_kind
def test_outputs_are_inputs_times_the_matrix_of_each_row(version):
    layer, (inputs, condition) = made(version), data()
    agree(layer(inputs, condition), expected(layer, inputs, condition))


@every_kind
def test_activation_is_after_the_bias_and_bias_can_be_left_out(version):
    layer, (inputs, condition) = made(version, activation="relu"), data()
    wanted = np.maximum(expected(layer, inputs, condition), 0)
    assert 0 < (wanted > 0).mean() < 1
    agree(layer(inputs, condition), wanted)
    layer = made(version, use_bias=False)
    agree(layer(inputs, condition), expected(layer, inputs, condition))


@every_kind
def test_rows_of_one_condition_share_their_matrix(version):
    layer, (inputs, condition) = made(version), data()
    constant = np.repeat(condition[:1], len(inputs), axis=0)
    static = np.linalg.lstsq(
        np.eye(WIDTH),
        np.asarray(
            layer(np.eye(WIDTH, dtype="float32"), np.repeat(constant[:1], WIDTH, 0))
        )
        - np.asarray(layer.bias),
        rcond=None,
    )[0]
    agree(layer(inputs, constant), inputs @ static + np.asarray(layer.bias))
    others = np.asarray(layer(inputs, condition))
    assert np.abs(others[1:] - np.asarray(layer(inputs, constant))[1:]).min() > 1e-4


@every_kind
def test_order_and_size_of_the_batch_do_not_matter(version):
    layer, (inputs, condition) = made(version), data()
    outputs, turned = np.asarray(layer(inputs, condition)), slice(None, None, -1)
    agree(layer(inputs[turned], condition[turned]), outputs[turned])
    agree(layer(inputs[:1], condition[:1]), outputs[:1])
    assert layer(inputs[:0], condition[:0]).shape == (0, UNITS)


@every_kind
def test_candidates_of_a_request_are_rows(version):
    layer, (inputs, condition) = made(version), data()
    outputs = layer(inputs.reshape(2, 3, WIDTH), condition.reshape(2, 3, CONDITION))
    agree(outputs, expected(layer, inputs, condition).reshape(2, 3, UNITS))


@every_kind
def test_weighted_conditions_sum_what_each_generates(version):
    layer, (inputs, condition) = made(version), data()
    several = np.stack([condition, condition[::-1] * 2], axis=1)
    weights = np.random.default_rng(3).uniform(size=(len(inputs), 2)).astype("float32")
    found = layer(inputs, several, condition_weights=weights)
    if version in ("v1", "v4", "v5"):  # linear in what is generated
        bias = np.asarray(layer.bias)
        parts = [
            weights[:, k : k + 1] * (np.asarray(layer(inputs, several[:, k])) - bias)
            for k in range(2)
        ]
        agree(found, sum(parts) + bias)
    first = np.repeat([[1.0, 0.0]], len(inputs), axis=0).astype("float32")
    alone = layer(inputs, several, condition_weights=first)
    agree(alone, np.asarray(layer(inputs, condition)))
    assert np.abs(np.asarray(found) - np.asarray(alone)).max() > 0.1


@every_kind
def test_gradient_reaches_condition_inputs_and_all_weights(version):
    layer, arrays = made(version), [tf.constant(array) for array in data()]
    with tf.GradientTape() as tape:
        tape.watch(arrays)
        loss = tf.reduce_sum(layer(*arrays) ** 2)
    for gradient in tape.gradient(loss, [*arrays, *layer.trainable_variables]):
        assert np.abs(np.asarray(gradient)).max() > 1e-3


@low_rank
def test_rank_above_either_width_is_refused(version):
    cls, options = KINDS[version]
    options = {**options, "inner_width": 20} if version == "v5" else options
    with pytest.raises(InputError, match="`rank`: received 6, expected 1 to 5, the un"):
        cls(5, **{**options, "rank": 6})
    with pytest.raises(InputError, match="`rank`: received 0"):
        cls(5, **{**options, "rank": 0})
    layer = cls(9, **{**options, "rank": 8}, name="narrow")
    with pytest.raises(InputError, match=r"received 8, expected 1 to 7.*'narrow'"):
        layer.build((None, 7), (None, 4))


@every_kind
def test_unknown_widths_and_no_units_are_refused(version):
    cls, options = KINDS[version]
    with pytest.raises(InputError, match="`inputs`: received an unknown width"):
        cls(5, **options).build((None, None), (None, 4))
    with pytest.raises(InputError, match="`condition`: received an unknown width"):
        cls(5, **options).build((None, 7), (None, None))
    with pytest.raises(InputError, match="`units`: received 0"):
        cls(0, **options)


def test_unknown_generator_key_is_named_with_the_nearest():
    cls, options = KINDS["v4"]
    with pytest.raises(UnknownName, match="Did you mean 'units'"):
        cls(5, **options, generator={"unit": [3]})


@every_kind
def test_static_start_is_a_dense_layer_where_the_condition_is_zero(version):
    cls, options = KINDS[version]
    layer = cls(UNITS, **options, generator={"start": "static"}, seed=2)
    inputs, condition = data()
    outputs = np.asarray(layer(inputs, np.zeros_like(condition)))
    assert 0.2 < outputs.std() < 2
    plain = cls(UNITS, **options)
    assert not np.asarray(plain(inputs, np.zeros_like(condition))).any()


def test_a_kind_must_say_what_it_generates():
    with pytest.raises(NotImplementedError, match="AdaptiveDense does not write"):
        AdaptiveDense(3).build((None, 4), (None, 2))


@every_kind
def test_compiled_layer_agrees(version):
    layer, arrays = made(version), data()
    compiled = tf.function(layer, jit_compile=True)
    agree(compiled(*arrays), np.asarray(layer(*arrays)))


@every_kind
def test_half_precision_is_near(version):
    layer, arrays = made(version), data()
    half = KINDS[version][0].from_config(
        {**layer.get_config(), "dtype": "mixed_bfloat16"}
    )
    half(*arrays)
    half.set_weights(layer.get_weights())
    outputs = half(*arrays)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    wanted = np.asarray(layer(*arrays))
    found = np.asarray(keras.ops.cast(outputs, "float32"))
    np.testing.assert_allclose(found, wanted, atol=0.05 * np.abs(wanted).max())
