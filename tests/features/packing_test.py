"""Tests of `tfctr.features.packing`."""

import numpy as np
import tensorflow as tf

from tests.models.data import SIZED, rows
from tfctr.features.packing import (
    is_single,
    pack,
    packed_columns,
    side_by_side,
    unpack,
)

X, _, _ = rows(6)
IDS = [
    column.name
    for column in packed_columns(SIZED)
    if is_single(column) and column.dtype == "int32"
]


def operations_in(work):
    graph = tf.function(work).get_concrete_function().graph
    return [operation.type for operation in graph.get_operations()]


def test_what_was_packed_comes_back():
    found = unpack(SIZED, pack(SIZED, X))
    assert found.keys() == X.keys()
    for name, values in X.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def test_single_ids_lie_together_the_users_before_the_items():
    roles = [c.role for c in packed_columns(SIZED) if is_single(c)]
    places = [k for k, c in enumerate(packed_columns(SIZED)) if is_single(c)]
    assert places == list(range(places[0], places[0] + len(places)))
    is_item = [role == "item" for role in roles]
    assert is_item == sorted(is_item)
    assert True in is_item
    assert False in is_item


def test_neighbours_are_taken_together_and_others_stacked():
    packed = {name: tf.constant(value) for name, value in pack(SIZED, X).items()}
    names = IDS
    assert len(names) > 2
    for chosen, wanted in (
        (names, "StridedSlice"),
        (names[1:], "StridedSlice"),
        (names[::-1], "Pack"),
        ([names[0], names[2]], "Pack"),
    ):
        expected = np.stack([X[name] for name in chosen], 1)

        def work(chosen=chosen):
            columns = unpack(SIZED, packed)
            return side_by_side([columns[name] for name in chosen], 1)

        np.testing.assert_array_equal(work(), expected)
        assert (wanted == "Pack") == ("Pack" in operations_in(work))


def test_columns_of_two_batches_are_stacked():
    one, other = (unpack(SIZED, pack(SIZED, rows(6, seed)[0])) for seed in (0, 1))
    names = IDS[:2]
    found = side_by_side([one[names[0]], other[names[1]]], 1)
    np.testing.assert_array_equal(found[:, 0], one[names[0]])
    np.testing.assert_array_equal(found[:, 1], other[names[1]])
