"""Tests of `tfctr.layers.embedding.frozen_rows`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr import kernels, optimizers
from tfctr.errors import InputError
from tfctr.layers import EmbeddingTable
from tfctr.layers.embedding.frozen_rows import FrozenRows

IDS = np.array([[0, 3, 5], [4, 3, 2]], "int32")


def table_of(ranges, **kwargs):
    table = EmbeddingTable(6, 4)
    table.build()
    table.embeddings.assign(np.arange(1, 25.0).reshape(6, 4))
    table.freeze(FrozenRows(ranges, **kwargs))
    return table


def gradient(table, is_xla):
    with kernels.xla(is_xla), tf.GradientTape() as tape:
        loss = tf.reduce_sum(table(IDS) ** 2)
    return tape.gradient(loss, table.embeddings.value)


@pytest.mark.parametrize("is_xla", [False, True])
def test_only_other_rows_have_a_gradient(is_xla):
    table = table_of([(0, 1), (3, 5)])
    values = np.arange(1, 25.0).reshape(6, 4)
    np.testing.assert_array_equal(table(IDS), values[IDS])
    found = gradient(table, is_xla)
    if not is_xla:
        assert sorted(found.indices.numpy()) == [2, 5]
    expected = np.zeros((6, 4))
    expected[[2, 5]] = 2 * values[[2, 5]]
    np.testing.assert_array_equal(tf.convert_to_tensor(found), expected)


@pytest.mark.parametrize("exact_rows", [0, 100])
@pytest.mark.parametrize("is_native", [False, True])
def test_weight_decay_and_momentum_do_not_move_them(is_native, exact_rows):
    table = table_of([(0, 1), (3, 5)])
    before = np.asarray(table.embeddings)
    optimizer = optimizers.LazyAdam(0.1, weight_decay=0.1, exact_rows=exact_rows)
    optimizer.build([table.embeddings])
    for _ in range(3):
        with kernels.compiled(is_native):
            optimizer.apply([gradient(table, False)], [table.embeddings])
    after = np.asarray(table.embeddings)
    np.testing.assert_array_equal(after[[0, 1, 3, 4]], before[[0, 1, 3, 4]])
    assert (after[[2, 5]] != before[[2, 5]]).all()


def test_table_without_other_rows_is_not_trained():
    table = table_of([(0, 4), (4, 6)])
    assert table.trainable_variables == []
    assert gradient(table, False) is None


def test_batch_of_frozen_rows_alone_can_be_trained_on():
    table = table_of([(0, 1), (2, 6)])
    found = gradient(table, False)
    assert found.indices.shape == (0,)
    optimizer = optimizers.LazyAdam(0.1)
    optimizer.build([table.embeddings])
    optimizer.apply([found], [table.embeddings])
    np.testing.assert_array_equal(table.embeddings, np.arange(1, 25.0).reshape(6, 4))


def test_dropout_is_on_frozen_rows_in_training_alone():
    table = table_of([(3, 5)], dropout=0.5, seed=1)
    values = np.arange(1, 25.0).reshape(6, 4)
    np.testing.assert_array_equal(table(IDS), values[IDS])
    ids = np.repeat([2, 3], 4000).astype("int32")
    rows = np.asarray(table(ids, training=True))
    np.testing.assert_array_equal(rows[:4000], values[ids[:4000]])
    dropped = rows[4000:] == 0
    # Deviation of the share of 16,000 is 0.004.
    assert dropped.mean() == pytest.approx(0.5, abs=0.02)
    twice = np.broadcast_to(2 * values[3], dropped.shape)
    np.testing.assert_array_equal(rows[4000:][~dropped], twice[~dropped])
    again = np.asarray(table(ids, training=True))
    assert (again != rows).any()


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_dropout_out_of_range_is_refused(dropout):
    with pytest.raises(InputError, match="`dropout`"):
        FrozenRows([(0, 1)], dropout=dropout)
