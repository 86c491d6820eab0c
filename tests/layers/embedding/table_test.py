"""Tests of `tfctr.layers.EmbeddingTable`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import EmbeddingTable
from tfctr.layers.embedding.frozen_rows import FrozenRows

ROWS = np.arange(12, dtype="float32").reshape(4, 3)


def table_of_rows(**kwargs):
    table = EmbeddingTable(4, 3, **kwargs)
    table.build((None,))
    table.embeddings.assign(ROWS)
    return table


@pytest.mark.parametrize("ids", [2, [0, 3, 3], [[1], [2]], np.zeros((2, 0, 1), int)])
def test_each_id_gives_its_row_in_any_shape(ids):
    ids = np.asarray(ids, "int32")
    np.testing.assert_array_equal(table_of_rows()(ids), ROWS[ids])


def test_initializer_fills_the_rows():
    table = EmbeddingTable(4, 3, embeddings_initializer="ones")
    np.testing.assert_array_equal(table(np.arange(4)), np.ones((4, 3)))


def test_rows_are_given_in_the_compute_dtype():
    rows = table_of_rows(dtype="mixed_bfloat16")(np.array([1]))
    assert rows.dtype == "bfloat16"
    np.testing.assert_array_equal(np.asarray(rows, "float32"), ROWS[[1]])


@pytest.mark.parametrize(("rows", "dim", "field"), [(0, 3, "num_rows"), (4, 0, "dim")])
def test_sizes_have_to_be_positive(rows, dim, field):
    with pytest.raises(InputError, match=f"`{field}`: received 0"):
        EmbeddingTable(rows, dim)


def test_dropout_zeroes_a_share_of_the_entries_in_training_alone():
    table = EmbeddingTable(50, 40, embeddings_initializer="ones")
    table.build((None,))
    table.drop(0.25, seed=3)
    ids = np.arange(50)
    np.testing.assert_array_equal(table(ids), np.ones((50, 40)))
    dropped = np.asarray(table(ids, training=True))
    np.testing.assert_allclose(np.unique(dropped), [0, 4 / 3], rtol=1e-6)
    assert 0.2 < (dropped == 0).mean() < 0.3
    assert (np.asarray(table(ids, training=True)) != dropped).any()
    again = EmbeddingTable(50, 40, embeddings_initializer="ones")
    again.build((None,))
    again.drop(0.25, seed=3)
    np.testing.assert_array_equal(again(ids, training=True), dropped)
    table.drop(0.0)
    np.testing.assert_array_equal(table(ids, training=True), np.ones((50, 40)))


def test_seeds_of_dropout_are_variables_which_a_checkpoint_holds():
    table = table_of_rows()
    before = len(table.variables)
    table.drop(0.5)
    table.freeze(FrozenRows([(0, 2)], dropout=0.5))
    assert len(table.variables) == before + 2
    assert len(table.weights) == 1


def test_what_is_set_for_training_is_told_and_set_again():
    table, other = table_of_rows(), table_of_rows()
    assert table.in_training == {}
    table.drop(0.5, seed=7)
    table.freeze(FrozenRows([(0, 2)], dropout=0.25, seed=9))
    other.set_in_training(table.in_training)
    assert other.in_training == table.in_training
    ids = np.arange(4)
    np.testing.assert_array_equal(other(ids, training=True), table(ids, training=True))


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_dropout_is_a_share(dropout):
    with pytest.raises(InputError, match="`dropout`"):
        table_of_rows().drop(dropout)
