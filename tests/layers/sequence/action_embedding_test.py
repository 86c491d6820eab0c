"""Tests of `tfctr.layers.ActionEmbedding`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.layers import ActionEmbedding


def made(**kwargs):
    layer = ActionEmbedding(4, 2, **kwargs)
    layer.build()
    layer.rows.assign(np.arange(1, np.prod(layer.rows.shape) + 1).reshape(-1, 2))
    layer.unknown.assign(-np.arange(1, layer.width + 1))
    return layer


def test_several_actions_stand_side_by_side_once_each():
    found = made(is_multiple=True)(np.array([[3, 1, 1], [0, 0, 0], [2, 0, 2]]))
    expected = [[1, 2, 0, 0, 5, 6], [0, 0, 0, 0, 0, 0], [0, 0, 3, 4, 0, 0]]
    np.testing.assert_array_equal(found, expected)


def test_single_action_has_its_row_and_missing_has_one_too():
    found = made()(np.array([[0, 3], [1, 1]]))
    np.testing.assert_array_equal(found, [[[1, 2], [7, 8]], [[3, 4], [3, 4]]])


def test_unknown_actions_are_the_placeholder():
    is_known = np.array([True, False])
    found = made()(np.array([1, 1]), is_known)
    np.testing.assert_array_equal(found, [[3, 4], [-1, -2]])
    layer = made(is_multiple=True)
    found = layer(np.array([[3], [3]]), is_known)
    np.testing.assert_array_equal(found[1], layer.placeholder())
    np.testing.assert_array_equal(found[1], -np.arange(1, 7))


@pytest.mark.parametrize("action", [-1, 4])
@pytest.mark.parametrize("is_multiple", [False, True])
def test_action_outside_of_the_table_is_an_error(is_multiple, action):
    layer = made(is_multiple=is_multiple)
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"{action}"):
        layer(np.array([[action]]))


def test_too_few_actions_are_refused():
    with pytest.raises(InputError, match="`num_actions`: received 1"):
        ActionEmbedding(1)
