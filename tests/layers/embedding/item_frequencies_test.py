"""Tests of `tfctr.layers.ItemFrequencies`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.layers import ItemFrequencies


def test_shares_are_those_of_all_ids_so_far():
    layer = ItemFrequencies(6)
    first = layer(np.array([1, 2, 2, 5], "int32"))
    np.testing.assert_allclose(np.exp(first), [1 / 4, 2 / 4, 2 / 4, 1 / 4], rtol=1e-6)
    second = layer(np.array([2, 1], "int32"))
    np.testing.assert_allclose(np.exp(second), [3 / 6, 2 / 6], rtol=1e-6)
    np.testing.assert_array_equal(layer.counts, [0, 2, 3, 0, 0, 1])


def test_masked_ids_do_not_count():
    layer = ItemFrequencies(3)
    shares = np.exp(layer(np.array([1, 1, 2], "int32"), np.array([True, False, True])))
    np.testing.assert_allclose(shares, [1 / 2, 1 / 2, 1 / 2], rtol=1e-6)


def test_counts_in_a_graph():
    layer = ItemFrequencies(3)
    layer.build((None,))
    count = tf.function(layer, input_signature=[tf.TensorSpec([None], tf.int32)])
    for _ in range(3):
        count(np.array([0, 2], "int32"))
    np.testing.assert_array_equal(layer.counts, [3, 0, 3])


def test_config_makes_the_layer_again():
    layer = ItemFrequencies(4, name="items")
    again = ItemFrequencies.from_config(layer.get_config())
    assert (again.num_ids, again.name) == (4, "items")
    assert again.compute_output_shape((7,)) == (7,)
    layer.build((None,))
    assert [w.name for w in layer.non_trainable_weights] == ["counts", "total"]


def test_no_ids_are_refused():
    with pytest.raises(InputError, match="num_ids"):
        ItemFrequencies(0)


def test_smoothing_counts_each_id_before_the_first():
    layer = ItemFrequencies(4, smoothing=0.5)
    layer.build((None,))
    layer.count(np.array([1, 1, 2], "int32"))
    shares = np.exp(layer.log_shares(np.array([0, 1, 2, 3], "int32")))
    np.testing.assert_allclose(shares, np.array([0.5, 2.5, 1.5, 0.5]) / 5, rtol=1e-6)
    np.testing.assert_array_equal(layer.counts, [0, 2, 1, 0])


def test_least_of_several_counters_counts():
    layer = ItemFrequencies(5)
    ids = np.array([[0, 1], [0, 2], [3, 1]], "int32")
    shares = np.exp(layer(ids, np.array([1, 1, 0])))
    np.testing.assert_array_equal(layer.counts, [2, 1, 1, 0, 0])
    assert int(layer.total) == 2
    np.testing.assert_allclose(shares, [1 / 2, 1 / 2, 1 / 2], rtol=1e-6)
    assert layer.compute_output_shape((3, 2)) == (3,)


def test_negative_smoothing_is_refused():
    with pytest.raises(InputError, match="smoothing"):
        ItemFrequencies(3, smoothing=-1)
