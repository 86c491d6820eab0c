"""Tests of `tfctr.layers.AdaptiveMLP`."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.layers import APG, AdaptiveMLP

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(6, 20)).astype("float32")
CONDITIONS = RNG.normal(size=(6, 3, 4)).astype("float32")
NAMES = ["a", "b", "c"]


def tower(condition=NAMES, units=(16, 8), options=None, **settings):
    """A tower of rank 2 unless said otherwise, with random weights, biases too."""
    apg = APG(condition, **{"rank": 2, **settings})
    made = AdaptiveMLP(units, apg=apg, **(options or {}))
    made(INPUTS, None if condition == "self" else CONDITIONS)
    rng = np.random.default_rng(1)
    for weight in made.trainable_weights:
        weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return made


@pytest.mark.parametrize(
    ("aggregation", "condition_width"),
    [("concat", 12), ("mean", 4), ("attention", 4), ("output_mean", 4)],
)
def test_all_layers_see_the_aggregated_condition(aggregation, condition_width):
    made = tower(aggregation=aggregation)
    for layer in made.dense_layers:
        assert layer.parameter_generator.weights[0].shape[0] == condition_width
    if aggregation == "output_mean":
        weights = np.full((6, 3), 1 / 3, "float32")
        first = made.dense_layers[0](INPUTS, CONDITIONS, weights)
        expected = made.dense_layers[1](first, CONDITIONS, weights)
    else:
        condition = {
            "concat": lambda: CONDITIONS.reshape(6, 12),
            "mean": lambda: CONDITIONS.mean(axis=1),
            "attention": lambda: made.attention(CONDITIONS),
        }[aggregation]()
        first = made.dense_layers[0](INPUTS, condition)
        expected = made.dense_layers[1](first, condition)
    np.testing.assert_allclose(made(INPUTS, CONDITIONS), expected, rtol=1e-4, atol=1e-5)


def test_one_linear_generator_makes_mean_of_outputs_that_of_inputs():
    by_input = tower(aggregation="mean")
    by_output = tower(aggregation="output_mean")
    by_output.set_weights(by_input.get_weights())
    expected = np.asarray(by_input(INPUTS, CONDITIONS))
    np.testing.assert_allclose(by_output(INPUTS, CONDITIONS), expected, atol=1e-4)


def test_attention_over_outputs_weighs_what_each_generates():
    made = tower(aggregation="output_attention", units=(16,))
    weights = np.asarray(made.attention.weights_of(CONDITIONS))
    dense = made.dense_layers[0]
    cores = np.asarray(dense.parameter_generator(CONDITIONS)["core"])
    core = np.einsum("rc,rckl->rkl", weights, cores)
    matrices = np.asarray(dense.input_factor) @ core @ np.asarray(dense.output_factor)
    expected = np.einsum("rm,rmn->rn", INPUTS, matrices) + np.asarray(dense.bias)
    found = made(INPUTS, CONDITIONS)
    np.testing.assert_allclose(found, np.maximum(expected, 0), atol=1e-4)


def test_self_wise_layers_take_their_own_inputs():
    made = tower("self", rank=1)
    widths = [d.parameter_generator.weights[0].shape[0] for d in made.dense_layers]
    assert widths == [20, 16]
    first = made.dense_layers[0](INPUTS, INPUTS)
    np.testing.assert_allclose(
        made(INPUTS), made.dense_layers[1](first, first), rtol=1e-5
    )


def test_self_wise_layer_is_a_polynomial_of_degree_two():
    made = tower("self", units=(16,), rank=1, options={"activation": "linear"})
    step = RNG.normal(size=(6, 20)).astype("float32")
    values = [np.asarray(made(INPUTS + k * step), "float64") for k in range(4)]
    second = values[2] - 2 * values[1] + values[0]
    third = values[3] - 3 * values[2] + 3 * values[1] - values[0]
    assert np.abs(second).max() > 1
    assert np.abs(third).max() < 1e-4 * max(np.abs(value).max() for value in values)


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("aggregation", ["concat", "attention", "output_attention"])
def test_gradient_reaches_the_condition_unless_it_is_stopped(aggregation, stopped):
    made = tower(aggregation=aggregation, stop_condition_gradient=stopped)
    conditions = tf.constant(CONDITIONS)
    with tf.GradientTape() as tape:
        tape.watch(conditions)
        loss = tf.reduce_sum(made(INPUTS, conditions) ** 2)
    gradients = tape.gradient(loss, [conditions, *made.trainable_variables])
    if stopped:
        assert gradients[0] is None
    else:
        assert np.abs(gradients[0]).max() > 1e-3
    assert all(np.asarray(gradient).any() for gradient in gradients[1:])


def test_stopped_self_wise_gradient_goes_through_the_inputs_alone():
    inputs, grads = tf.constant(INPUTS), []
    for stopped in (False, True):
        made = tower("self", rank=1, stop_condition_gradient=stopped)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(made(inputs) ** 2)
        grads.append(np.asarray(tape.gradient(loss, inputs)))
    assert grads[1].any()
    assert np.abs(grads[0] - grads[1]).max() > 1e-3


@pytest.mark.parametrize("aggregation", ["concat", "output_attention"])
def test_merged_tower_is_a_tower_of_v4_with_equal_outputs(aggregation):
    made = tower(over_parameterization=4, aggregation=aggregation)
    assert any(4 in weight.shape and 16 in weight.shape for weight in made.weights)
    merged = made.merge()
    assert merged.apg.version == "v4"
    plain = tower(aggregation=aggregation)
    assert [w.shape for w in merged.weights] == [w.shape for w in plain.weights]
    expected = np.asarray(made(INPUTS, CONDITIONS))
    np.testing.assert_allclose(merged(INPUTS, CONDITIONS), expected, atol=1e-5)


def test_merged_tower_comes_back_from_its_file(tmp_path):
    merged = tower(over_parameterization=4).merge()
    inputs, conditions = keras.Input((20,)), keras.Input((3, 4))
    model = keras.Model([inputs, conditions], merged(inputs, conditions))
    model.save(tmp_path / "merged.keras")
    again = keras.models.load_model(tmp_path / "merged.keras")
    expected = np.asarray(merged(INPUTS, CONDITIONS))
    np.testing.assert_array_equal(again([INPUTS, CONDITIONS]), expected)


def test_dropout_is_on_in_training_only():
    made = tower(units=(16,), options={"dropout": 0.5, "activation": "linear"})
    exact = np.asarray(made(INPUTS, CONDITIONS))
    dropped = np.asarray(made(INPUTS, CONDITIONS, training=True))
    assert 0.2 < (dropped == 0).mean() < 0.8
    kept = dropped != 0
    np.testing.assert_allclose(dropped[kept], 2 * exact[kept], rtol=1e-5)


def test_final_activation_is_after_the_last_layer_only():
    made = tower(options={"final_activation": "linear"})
    assert (np.asarray(made(INPUTS, CONDITIONS)) < 0).any()
    assert made.dense_layers[0].activation is keras.activations.relu


def built(condition, width, units, **settings):
    made = AdaptiveMLP(units, apg=APG(condition, **settings))
    shape = None if condition == "self" else (None, 1, 32)
    made.build((None, width), shape)
    return made


def test_towers_that_cost_more_than_static_ones_warn():
    paper = [1024, 512, 256]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        built(["u"], 393, paper, rank=8)
        built("self", 393, paper, rank=16)
    with pytest.warns(UserWarning, match=r"1\.98 times the parameters and 1\.98 times"):
        built("self", 393, paper, rank=32)
    with pytest.warns(UserWarning, match=r"32\.00 times the parameters and 33\.00"):
        built(["u"], 40, [16, 8], rank=None)


def test_generators_that_run_for_each_condition_count():
    apg = APG(["a", "b", "c"], rank=2, aggregation="output_mean")
    made = AdaptiveMLP([10], apg=apg)
    # Parameters 4 * 40 + 2 * 40 < 300; multiplications 3 * 160 + 84 > 300.
    with pytest.warns(UserWarning, match=r"costs 1\.88 times the multiplications of"):
        made.build((None, 30), (None, 3, 40))


def test_conditions_that_are_missing_or_too_many_are_refused():
    with pytest.raises(InputError, match="`conditions`: received nothing"):
        AdaptiveMLP([4], apg=APG(["a"], rank=2)).build((None, 8))
    with pytest.raises(InputError, match="`conditions`: received a tensor"):
        AdaptiveMLP([4], apg=APG("self", rank=2)).build((None, 8), (None, 1, 2))
    with pytest.raises(InputError, match=r"`conditions`: .*a known number"):
        AdaptiveMLP([4], apg=APG(["a"], rank=2)).build((None, 8), (None, None, 2))
    with pytest.raises(InputError, match="`inputs`: received an unknown width"):
        AdaptiveMLP([4], apg=APG(["a"], rank=2)).build((None, None), (None, 1, 2))


def test_bad_arguments_are_refused():
    with pytest.raises(InputError, match="`hidden_units`"):
        AdaptiveMLP([4, 0], apg=APG("self"))
    with pytest.raises(InputError, match="`apg`: received None"):
        AdaptiveMLP([4], apg=None)
    with pytest.raises(InputError, match=r"`rank`: received 8, expected 1 to 4"):
        AdaptiveMLP([4], apg=APG("self"))
    with pytest.raises(InputError, match=r"`rank`: .*or 1 of them"):
        AdaptiveMLP([4], apg=APG("self", rank=[2, 2]))
