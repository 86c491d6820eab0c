"""Tests of `tfctr.models.table_settings`: what files say of tables."""

import numpy as np
import pytest

from tests.models.data import PLAIN, made
from tfctr.errors import InputError
from tfctr.layers.embedding.frozen_rows import FrozenRows
from tfctr.models.table_settings import (
    embedding_tables,
    set_table_settings,
    table_settings,
)


def built(name="DeepFM"):
    model = made(name, PLAIN)
    model.build()
    return model


def test_a_plain_model_has_none():
    assert table_settings(built()) == {}
    assert built().get_build_config() == {"built": True, "tables": {}}


def test_settings_are_those_of_the_same_table_of_another_model():
    model, other = built(), built()
    (table,) = embedding_tables(model)
    table.freeze(FrozenRows([(1, 4)], dropout=0.5, seed=2))
    set_table_settings(other, table_settings(model))
    (found,) = embedding_tables(other)
    assert found.frozen.ranges == [(1, 4)]
    np.testing.assert_array_equal(found.frozen.holds(np.arange(6)), [0, 1, 1, 1, 0, 0])


def test_files_from_before_there_were_settings_are_read():
    model = made("DeepFM", PLAIN)
    model.build_from_config({"built": True})
    assert table_settings(model) == {}


@pytest.mark.parametrize("place", ["0", "5"])
def test_settings_of_other_tables_are_refused(place):
    settings = {place: {"num_rows": 3, "dropout": {"dropout": 0.5, "seed": 0}}}
    with pytest.raises(InputError, match="`tables`"):
        set_table_settings(built(), settings)
