"""Tests of `tfctr.layers.EmbeddingTable`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import EmbeddingTable

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
