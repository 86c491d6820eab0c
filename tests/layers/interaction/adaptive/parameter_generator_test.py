"""Tests of `tfctr.layers.ParameterGenerator`."""

import numpy as np
import pytest

from tests.layers.interaction.adaptive.oracle import assign
from tfctr.errors import InputError
from tfctr.layers import ParameterGenerator


def test_arrays_are_cut_from_one_linear_map_in_order():
    generate = ParameterGenerator({"core": (1, 2), "kernel": (3,)})
    generate.build((None, 1))
    assign(generate, {"kernel": [1, 2, 3, 4, 5], "bias": [10, 0, 0, 0, 0]})
    found = generate(np.array([[1.0], [2.0]]))
    np.testing.assert_array_equal(found["core"], [[[11, 2]], [[12, 4]]])
    np.testing.assert_array_equal(found["kernel"], [[3, 4, 5], [6, 8, 10]])


def test_hidden_layers_and_output_activation_are_applied():
    config = {"units": [1], "output_activation": "tanh"}
    generate = ParameterGenerator({"core": (1, 1)}, config=config)
    generate.build((None, 1))
    assign(generate, {"dense_0/kernel": 2, "dense_0/bias": -1})
    assign(generate, {"output/kernel": 0.5, "output/bias": 0.25})
    # tanh(0.5 * relu(2 z - 1) + 0.25)
    expected = np.tanh([[[1.75]], [[0.25]]])
    np.testing.assert_allclose(
        generate(np.array([[2.0], [0.0]]))["core"], expected, rtol=1e-6
    )


def test_mean_of_outputs_is_output_of_the_mean_for_a_linear_generator_only():
    conditions = np.random.default_rng(0).normal(size=(5, 3, 4)).astype("float32")
    thirds = np.full((5, 3), 1 / 3, "float32")
    for units in ([], [6]):
        generate = ParameterGenerator({"core": (2, 2)}, config={"units": units})
        by_output = np.asarray(generate(conditions, thirds)["core"])
        by_input = np.asarray(generate(conditions.mean(axis=1))["core"])
        is_equal = np.abs(by_output - by_input).max() < 1e-6
        assert is_equal == (not units)


def test_static_start_is_the_identity_for_cores_and_glorot_for_others():
    generate = ParameterGenerator(
        {"input_factor": (50, 3), "core": (3, 3)}, config={"start": "static"}
    )
    found = generate(np.zeros((1, 4), "float32"))
    np.testing.assert_array_equal(found["core"][0], np.eye(3))
    factor = np.asarray(found["input_factor"])
    limit = np.sqrt(6 / 53)
    assert np.abs(factor).max() <= limit
    assert factor.std() == pytest.approx(limit / np.sqrt(3), rel=0.2)


def test_shapes_without_numbers_are_refused():
    for shapes in ({}, {"core": (2, 0)}):
        with pytest.raises(InputError, match="`shapes`: received"):
            ParameterGenerator(shapes)
