"""Tests of the compiled kernels: numpy, and TensorFlow's own kernels, agree."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr import kernels, layers, native, optimizers
from tfctr.layers.sequence.events import RealEvents

pytestmark = pytest.mark.skipif(
    not native.is_loaded(), reason="the kernels are not compiled: `tfctr kernels`"
)
OPTIMIZERS = ("SparseSGD", "SparseAdagrad", "RowWiseAdagrad", "LazyAdam", "SparseFTRL")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def both_ways(work):
    """What `work` gives with the compiled kernels and without them."""
    results = []
    for is_on in (True, False):
        with kernels.xla(False), kernels.compiled(is_on):
            results.append([tf.convert_to_tensor(value) for value in work()])
    return zip(*results, strict=True)


def operations_in(function, *arguments):
    graph = function.get_concrete_function(*arguments).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_rows_are_read_and_get_a_sparse_gradient(dtype):
    table, places = tf.Variable(normal(50, 17)), np.array([3, 49, 3, 0], dtype)
    with tf.GradientTape() as tape:
        rows = native.gather_rows(table, tf.constant(places))
        total = tf.reduce_sum(rows * [[1.0], [2.0], [4.0], [8.0]])
    np.testing.assert_array_equal(rows, table.numpy()[places])
    gradient = tape.gradient(total, table)
    assert isinstance(gradient, tf.IndexedSlices)
    expected = np.zeros((50, 1))
    expected[[3, 49, 0], 0] = 5, 2, 8
    np.testing.assert_array_equal(
        tf.convert_to_tensor(gradient), expected + np.zeros(17)
    )


@pytest.mark.parametrize("wrong", [-1, 50])
def test_rows_that_are_not_there_are_an_error(wrong):
    table, places = tf.Variable(normal(50, 3)), tf.constant([1, wrong])
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"id {wrong} is not one"):
        native.gather_rows(table, places)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"id {wrong} is not one"):
        native.update_rows(
            "sgd",
            table,
            [],
            tf.IndexedSlices(tf.ones((2, 3)), places),
            kept=1.0,
            numbers=[1.0],
        )
    np.testing.assert_array_equal(table, normal(50, 3))  # nothing was half done


@given(st.integers(1, 700), st.integers(1, 35), st.integers(0, 900))
@settings(max_examples=30, deadline=None)
def test_equal_rows_are_summed_before_a_step(num_rows, width, count):
    places = np.random.default_rng(count).integers(0, num_rows, count)
    parts, start = normal(count, width), normal(num_rows, width, seed=1)
    table = tf.Variable(start)
    native.update_rows(
        "sgd",
        table,
        [],
        tf.IndexedSlices(tf.constant(parts), tf.constant(places, tf.int32)),
        kept=0.5,
        numbers=[2.0],
    )
    sums = np.zeros_like(start)
    np.add.at(sums, places, parts)
    kept = np.where(np.isin(np.arange(num_rows), places), 0.5, 1.0)[:, None]
    np.testing.assert_allclose(table, start * kept - 2 * sums, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("num_rows", [3, 900, 70_000])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_step_as_without(name, num_rows):
    def steps():
        variable = keras.Variable(normal(num_rows, 19, seed=1))
        optimizer = getattr(optimizers, name)(0.05, weight_decay=0.1)
        optimizer.build([variable])
        for seed in range(3):
            places = np.random.default_rng(seed).integers(0, num_rows, 500)
            values = tf.constant(normal(500, 19, seed=seed))
            gradient = tf.IndexedSlices(values, tf.constant(places), (num_rows, 19))
            optimizer.apply([gradient], [variable])
        return [variable, *optimizer.slots(variable).values()]

    for compiled, plain in both_ways(steps):
        np.testing.assert_allclose(compiled, plain, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_use_the_kernel_for_rows(name):
    variable = keras.Variable(normal(9, 2))
    optimizer = getattr(optimizers, name)(0.05)
    optimizer.build([variable])

    def step(values):
        gradient = tf.IndexedSlices(values, tf.constant([1, 1]), (9, 2))
        optimizer.apply([gradient], [variable])

    for is_on in (True, False):
        with kernels.xla(False), kernels.compiled(is_on):
            found = operations_in(tf.function(step), tf.ones((2, 2)))
        assert ("TfctrUpdateRows" in found) == is_on


def test_a_subclass_with_another_step_keeps_it():
    class Backwards(optimizers.SparseSGD):
        def new_rows(self, rows, gradient, slots, learning_rate):
            return rows + learning_rate * gradient, {}

    variable = keras.Variable(np.zeros((3, 2), "float32"))
    optimizer = Backwards(1.0)
    optimizer.build([variable])
    with kernels.xla(False), kernels.compiled(True):
        optimizer.apply(
            [tf.IndexedSlices(tf.ones((1, 2)), tf.constant([1]), (3, 2))], [variable]
        )
    assert variable.numpy().tolist() == [[0, 0], [1, 1], [0, 0]]


def test_a_variable_that_was_read_whole_is_not_changed_behind_the_reader():
    table = tf.Variable(np.zeros((3, 2), "float32"))
    before = table.read_value()
    gradient = tf.IndexedSlices(tf.ones((1, 2)), tf.constant([1]))
    native.update_rows("sgd", table, [], gradient, kept=1.0, numbers=[1.0])
    assert before.numpy().max() == before.numpy().min() == 0
    assert table.numpy()[1].tolist() == [-1, -1]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_single_numbers_are_updated_as_rows_are(name):
    def work():
        variable = keras.Variable(normal(9))
        optimizer = getattr(optimizers, name)(0.1)
        optimizer.build([variable])
        gradient = tf.IndexedSlices(
            tf.constant([1.0, 2.0, 4.0]), tf.constant([5, 2, 5])
        )
        optimizer.apply([gradient], [variable])
        return [variable.value]

    for compiled, plain in both_ways(work):
        np.testing.assert_allclose(compiled, plain, rtol=1e-6)
        assert (compiled.numpy() != normal(9)).nonzero()[0].tolist() == [2, 5]


def test_parts_of_a_factorisation_machine():
    rows = normal(4, 5, 18)
    vectors, sums, pairs = native.factorization(tf.constant(rows), 16)
    expected = [
        sum(rows[b, i, :16] @ rows[b, j, :16] for i in range(5) for j in range(i))
        for b in range(4)
    ]
    np.testing.assert_array_equal(vectors, rows[..., :16].reshape(4, 80))
    np.testing.assert_allclose(sums, rows[..., 16:].sum(1), rtol=1e-5)
    np.testing.assert_allclose(pairs[:, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("dim", "rest"), [(16, 1), (5, 3), (1, 0)])
def test_factorisation_has_the_gradient_of_plain_kernels(dim, rest):
    rows, machine = tf.Variable(normal(6, 4, dim + rest)), layers.FactorizationMachine()

    def work():
        with tf.GradientTape() as tape:
            parts = machine.parts(tf.identity(rows), dim)
            total = sum(tf.reduce_sum(part**3) for part in parts)
        return [*parts, tape.gradient(total, rows)]

    for compiled, plain in both_ways(work):
        np.testing.assert_allclose(compiled, plain, rtol=2e-5, atol=2e-4)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_parts_straight_from_a_table_are_those_of_its_rows(dtype):
    table = layers.EmbeddingTable(30, 17)
    table.build(None)
    variable, machine = table.embeddings.value, layers.FactorizationMachine()
    variable.assign(normal(30, 17))
    places = tf.constant(np.random.default_rng(1).integers(0, 30, (40, 3)), dtype)

    def work():
        with tf.GradientTape() as tape:
            parts = machine.table_parts(table, places, 16)
            total = sum(tf.reduce_sum(part**3) for part in parts)
        gradient = tape.gradient(total, variable)
        assert isinstance(gradient, tf.IndexedSlices)
        return [*parts, gradient]

    for compiled, plain in both_ways(work):
        np.testing.assert_allclose(compiled, plain, rtol=2e-5, atol=2e-3)
    with kernels.xla(False), kernels.compiled(True):
        step = tf.function(lambda: machine.table_parts(table, places, 16))
        assert "TfctrTableFactorization" in operations_in(step)
        with kernels.dense_gradients(True), tf.GradientTape() as tape:
            total = tf.reduce_sum(machine.table_parts(table, places, 16)[0])
        assert isinstance(tape.gradient(total, variable), tf.Tensor)


@pytest.mark.parametrize("wrong", [-1, 30])
def test_a_factorisation_names_rows_that_are_not_there(wrong):
    table, places = tf.Variable(normal(30, 3)), tf.constant([[1, 2], [wrong, 3]])
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"id {wrong} is not one"):
        native.table_factorization(table, places, 2)


@pytest.mark.parametrize("normalization", ["none", "softmax"])
@pytest.mark.parametrize(
    ("units", "dim"), [((64,), 16), ((32, 16), 16), ((5, 3, 7), 9), ((20,), 33)]
)
def test_attention_has_outputs_and_gradients_of_plain_kernels(
    units, dim, normalization
):
    layer = layers.TargetAttention(hidden_units=units, normalization=normalization)
    layer.build((None, None, dim), (None, None, dim))
    for place, weight in enumerate(layer.weights):
        weight.assign(0.3 * normal(*weight.shape, seed=place))
    lengths = np.random.default_rng(0).integers(0, 12, 37)
    lengths[[0, 5, 36]] = 0
    mask = tf.constant(np.arange(12) < lengths[:, None])
    candidates = tf.Variable(normal(37, dim))
    events = tf.Variable(normal(lengths.sum(), dim))
    upstream = normal(37, dim, seed=3)

    def work():
        with tf.GradientTape() as tape:
            layout = RealEvents(mask)
            pooled = layer.pool(tf.identity(candidates), tf.identity(events), layout)
            total = tf.reduce_sum(pooled * upstream)
        sources = [candidates, events, *(w.value for w in layer.trainable_weights)]
        return [pooled, *tape.gradient(total, sources)]

    for compiled, plain in both_ways(work):
        np.testing.assert_allclose(compiled, plain, rtol=5e-4, atol=5e-5)


def test_attention_refuses_starts_that_do_not_fit():
    def attend(starts):
        square = tf.ones((4, 4))
        native.pooled_attention(
            tf.ones((2, 4)), tf.ones((2, 4)), tf.ones((3, 4)),
            tf.constant(starts, tf.int64), square, square, [],
            (tf.ones((4, 1)), tf.ones((1,))), softmax=False,
        )  # fmt: skip

    attend([0, 1, 3])
    for wrong in ([0, 1, 2], [0, 4, 3], [0, 3], [-1, 1, 3]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="attention"):
            attend(wrong)


def test_other_activations_and_types_take_plain_kernels():
    mask = tf.constant([[True, True]])
    arguments = (tf.ones((1, 4)), tf.ones((2, 4)))
    for options, expected in (
        ({}, True),
        ({"activation": "tanh"}, False),
        ({"dtype": "mixed_bfloat16"}, False),
    ):
        layer = layers.TargetAttention(hidden_units=[4], **options)
        layer.build((None, None, 4), (None, None, 4))
        values = [tf.cast(v, layer.compute_dtype) for v in arguments]

        @tf.function
        def pool(candidates, events, layer=layer):
            return layer.pool(candidates, events, RealEvents(mask))

        with kernels.xla(False), kernels.compiled(True):
            found = operations_in(pool, *values)
        assert ("TfctrPooledAttention" in found) == expected
