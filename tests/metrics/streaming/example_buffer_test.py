"""Tests of `tfctr.metrics.streaming.example_buffer`."""

import numpy as np
import tensorflow as tf

from tfctr.metrics.streaming.example_buffer import ExampleBuffer


def test_gives_back_what_came_in_order():
    buffer = ExampleBuffer({"group": "int64", "score": "float32"})
    buffer.append(group=tf.constant([1, 2], tf.int64), score=tf.constant([0.5, 1.5]))
    buffer.append(group=tf.constant([3], tf.int64), score=tf.constant([2.5]))
    examples = buffer.read()
    assert examples["group"].numpy().tolist() == [1, 2, 3]
    assert examples["score"].numpy().tolist() == [0.5, 1.5, 2.5]


def test_space_doubles_when_full():
    buffer = ExampleBuffer({"score": "float32"})
    capacities = []
    for _ in range(100):
        buffer.append(score=tf.ones([3]))
        capacities.append(int(buffer.capacity()))
    assert len(set(capacities)) <= 8  # log2 of 100 batches, and one
    assert capacities[-1] <= 2 * 300


def test_grows_inside_a_graph():
    buffer = ExampleBuffer({"score": "float32"})

    @tf.function(input_signature=[tf.TensorSpec([None])], autograph=False)
    def append(values):
        buffer.append(score=values)
        return buffer.read()["score"]

    for size in (0, 1, 5, 2):
        last = append(tf.fill([size], float(size)))
    np.testing.assert_array_equal(last, [1, 5, 5, 5, 5, 5, 2, 2])


def test_append_does_not_read_what_is_there():
    # A column that is read while it is written to is copied whole, each time.
    buffer = ExampleBuffer({"score": "float32"})
    append = tf.function(lambda values: buffer.append(score=values), autograph=False)
    graph = append.get_concrete_function(tf.TensorSpec([None])).graph
    read = [op.outputs[0].dtype for op in graph.get_operations() if "Read" in op.type]
    assert read
    assert tf.float32 not in read


def test_clear_forgets_and_frees():
    buffer = ExampleBuffer({"score": "float32"})
    buffer.append(score=tf.ones([3]))
    buffer.clear()
    assert buffer.read()["score"].shape == [0]
    assert int(buffer.capacity()) == 0
    buffer.append(score=tf.ones([2]))
    assert buffer.read()["score"].shape == [2]
