"""Tests of `tfctr.layers.ModalTable`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import ModalTable
from tfctr.layers.multimodal import modal_table

RNG = np.random.default_rng(0)


def test_rows_are_those_of_the_ids_and_missing_ones_are_zeros(monkeypatch):
    monkeypatch.setattr(modal_table, "CHUNK", 3)
    vectors = RNG.normal(size=(8, 4)).astype("float32")
    vectors[5] = np.nan
    table = ModalTable(8, 4)
    table.load(vectors)
    vectors[5] = 0
    ids = np.array([[0, 5], [7, 3]], "int32")
    np.testing.assert_array_equal(table(ids), vectors[ids])
    assert table.trainable_variables == []


def test_a_file_is_read_where_it_lies(tmp_path):
    vectors = RNG.normal(size=(8, 4)).astype("float16")
    np.save(tmp_path / "vectors.npy", vectors)
    table = ModalTable(8, 4, dtype="float16")
    table.load(np.load(tmp_path / "vectors.npy", mmap_mode="r"))
    assert table.vectors.dtype == "float16"
    np.testing.assert_array_equal(table(np.arange(8)), vectors)


def test_it_is_loaded_when_a_row_has_a_vector(monkeypatch):
    monkeypatch.setattr(modal_table, "CHUNK", 3)
    table = ModalTable(8, 4)
    assert not table.is_loaded()
    vectors = np.full((8, 4), np.nan)
    vectors[7] = 1
    table.load(vectors)
    assert table.is_loaded()


def test_rows_may_be_trained():
    table = ModalTable(8, 4, trainable_rows=True)
    vectors = RNG.normal(size=(8, 4)).astype("float32")
    table.load(vectors)
    assert [tuple(w.shape) for w in table.trainable_variables] == [(8, 4)]
    ids = np.array([[0, 5], [7, 3]], "int32")
    np.testing.assert_array_equal(table(ids), vectors[ids])


@pytest.mark.parametrize(
    ("vectors", "text"),
    [
        (np.zeros((7, 4)), r"`vectors`: received shape \(7, 4\)"),
        (np.zeros((8, 5)), r"received shape \(8, 5\)"),
        (np.where(np.eye(8, 4) > 0, np.nan, 1), "received NaN or infinity in row 0"),
        (np.where(np.eye(8, 4) > 0, np.inf, 1), "received NaN or infinity in row 0"),
        (np.full((8, 4), np.nan), "received NaN or zeros in all rows"),
        (np.zeros((8, 4)), "received NaN or zeros in all rows"),
    ],
)
def test_vectors_that_do_not_fit_are_refused_and_nothing_changes(vectors, text):
    table = ModalTable(8, 4)
    table.load(np.ones((8, 4)))
    with pytest.raises(InputError, match=text):
        table.load(vectors)
    np.testing.assert_array_equal(table(np.arange(8)), np.ones((8, 4)))


@pytest.mark.parametrize("arguments", [(0, 4), (4, 0)])
def test_empty_tables_are_refused(arguments):
    with pytest.raises(InputError, match="received 0"):
        ModalTable(*arguments)
