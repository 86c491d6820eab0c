"""Tests of `tfctr.layers.embedding.initializers`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.layers import EmbeddingTable
from tfctr.layers.embedding import initializers, table
from tfctr.layers.embedding.initializers import NormalByName


def rows(sizes, dim=3, **kwargs):
    return np.asarray(NormalByName(sizes, **kwargs)((sum(sizes.values()), dim)))


def test_rows_of_a_name_do_not_depend_on_other_tables_or_on_their_number():
    alone = rows({"user": 40}, seed=3)
    among = rows({"item": 7, "user": 60, "tag": 2}, seed=3)
    np.testing.assert_array_equal(among[7:47], alone)


def test_rows_depend_on_name_and_seed():
    both = rows({"user": 50, "item": 50}, seed=3)
    assert np.abs(both[:50] - both[50:]).min() > 0
    assert np.abs(both - rows({"user": 50, "item": 50}, seed=4)).min() > 0


def test_rows_are_normal_around_zero():
    values = rows({"user": 20_000}, dim=8, stddev=0.2).ravel()
    assert values.mean() == pytest.approx(0, abs=0.2 * 4 / 400)
    assert values.std() == pytest.approx(0.2, rel=0.01)
    # Shares of a normal distribution within one and two deviations.
    within = [np.mean(np.abs(values) < 0.2 * k) for k in (1, 2)]
    assert within == pytest.approx([0.6827, 0.9545], abs=0.005)


def test_pieces_fill_what_the_initializer_would_give(monkeypatch):
    sizes = {"user": 50, "item": 20}
    whole = rows(sizes, seed=1)
    monkeypatch.setattr(initializers, "ROWS_PER_PIECE", 16)
    monkeypatch.setattr(table, "ROWS_PER_PIECE", 16)
    pieces = rows(sizes, seed=1)
    filled = EmbeddingTable(70, 3, embeddings_initializer=NormalByName(sizes, seed=1))
    filled.build(None)
    np.testing.assert_array_equal(filled.embeddings, pieces)
    graph = tf.function(lambda: NormalByName(sizes, seed=1)((70, 3)))()
    np.testing.assert_array_equal(pieces, graph)
    assert len(np.unique(pieces)) == pieces.size  # no piece repeats another
    np.testing.assert_array_equal(pieces[:16], whole[:16])


def test_shape_has_to_hold_all_tables():
    with pytest.raises(InputError, match="5 rows"):
        NormalByName({"a": 2, "b": 3})((4, 2))
