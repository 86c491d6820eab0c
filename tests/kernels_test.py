"""Tests of `tfctr.kernels`."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr import kernels


@pytest.fixture(params=[True, False], ids=["xla", "plain"])
def is_xla(request):
    with kernels.xla(request.param):
        yield request.param


@given(st.lists(st.integers(0, 4), max_size=12), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_sums_are_those_of_numpy(places, dim):
    rng = np.random.default_rng(len(places))
    values = rng.normal(size=(len(places), dim)).astype("float32")
    expected = np.zeros((5, dim), "float32")
    np.add.at(expected, np.array(places, int), values)
    for is_on in (True, False):
        with kernels.xla(is_on):
            sums = kernels.sum_rows(
                tf.constant(values), tf.constant(places, tf.int32), 5
            )
        np.testing.assert_allclose(sums, expected, rtol=1e-5, atol=1e-6)


def test_rows_are_read_with_a_sparse_gradient(is_xla):
    table = tf.Variable(np.arange(8.0, dtype="float32").reshape(4, 2))
    with tf.GradientTape() as tape:
        rows = kernels.gather(table, tf.constant([3, 1, 3]))
        total = tf.reduce_sum(rows * [[1.0], [2.0], [3.0]])
    assert rows.numpy().tolist() == [[6.0, 7.0], [2.0, 3.0], [6.0, 7.0]]
    gradient = tape.gradient(total, table)
    assert isinstance(gradient, tf.IndexedSlices)
    assert tf.convert_to_tensor(gradient).numpy().tolist() == [
        [0.0, 0.0],
        [2.0, 2.0],
        [0.0, 0.0],
        [4.0, 4.0],
    ]


def test_parts_lie_side_by_side_and_get_their_gradient():
    parts = [tf.Variable(tf.ones((2, width))) for width in (1, 3, 2)]
    with tf.GradientTape() as tape:
        whole = kernels.concat(parts)
        total = tf.reduce_sum(whole * [[1.0, 2, 3, 4, 5, 6]])
    assert whole.shape == (2, 6)
    gradients = [g.numpy()[0].tolist() for g in tape.gradient(total, parts)]
    assert gradients == [[1], [2, 3, 4], [5, 6]]


def test_each_id_comes_once_and_its_places_give_it_back():
    ids = np.array([7, 0, 7, 3, 0], "int32")
    found, places = kernels.distinct(tf.constant(ids))
    assert found.numpy().tolist() == [7, 0, 3]
    assert places.numpy().tolist() == [0, 1, 0, 2, 1]


def test_compiled_form_compiles():
    table = tf.Variable(tf.ones((4, 2)))

    @tf.function(jit_compile=True)
    def step(places):
        with kernels.xla(True):
            rows = kernels.gather(table, places)
            return kernels.sum_rows(rows, places, 4)

    assert step(tf.constant([1, 1, 3])).numpy()[:, 0].tolist() == [0, 2, 0, 1]


def test_context_ends_where_it_ends():
    assert kernels.is_xla()  # nobody said otherwise
    with kernels.xla(False):
        with kernels.xla(True):
            assert kernels.is_xla()
        assert not kernels.is_xla()
    assert kernels.is_xla()
