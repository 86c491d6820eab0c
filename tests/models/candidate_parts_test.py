"""Tests of `tfctr.models.candidate_parts`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.models.candidate_parts import in_parts

VALUES = np.random.default_rng(0).normal(size=(2, 7, 3)).astype("float32")


def doubled(sizes):
    def function(part):
        sizes.append(part.shape[1])
        return tf.concat([part, 2 * part], axis=-1)

    return function


@pytest.mark.parametrize(("most", "sizes"), [(7, [7]), (3, [3, 3, 1]), (9, [7])])
def test_known_numbers_are_cut(most, sizes):
    found = []
    result = in_parts(doubled(found), VALUES, most)
    np.testing.assert_array_equal(result, np.concatenate([VALUES, 2 * VALUES], -1))
    assert found == sizes


@pytest.mark.parametrize("count", [0, 1, 3, 6, 7])
def test_unknown_numbers_are_cut_in_the_graph(count):
    @tf.function(input_signature=[tf.TensorSpec((None, None, 3))])
    def graph(values):
        return in_parts(doubled([]), values, 3)

    part = VALUES[:, :count]
    np.testing.assert_array_equal(graph(part), np.concatenate([part, 2 * part], -1))
