"""Tests of models with tables of vectors."""

import keras
import numpy as np
import pytest

from tests.features.shop import SCHEMA, shop_frame, shop_items
from tests.models.data import SIZED, made, rows
from tfctr import export, optimizers
from tfctr.errors import InputError, UnknownName
from tfctr.models import DiffMSIN

X, Y, _ = rows(16)


def test_a_table_that_is_not_there_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'text'"):
        made("DiffMSIN", tables={"text": 3}).load_vectors("txet", np.zeros((1, 3)))
    rows_of = SIZED.size("item_id")
    with pytest.raises(InputError, match=rf"expected \({rows_of}, 3\): a row for each"):
        made("DiffMSIN", tables={"text": 3}).load_vectors("text", np.zeros((1, 3)))


def test_a_table_without_vectors_is_not_used(tmp_path):
    model = made("DiffMSIN", tables={"text": 3})
    model.compile(weighted_metrics=[])
    state = SCHEMA.fit(shop_frame(15, seed=1, items=8))
    exported = DiffMSIN(state.schema, dim=4, tables={"text": 3})
    uses = [
        lambda: model.fit(X, Y, verbose=0),
        lambda: model.evaluate(X, Y, verbose=0),
        lambda: model.predict(X),
        lambda: export.save(
            tmp_path / "shop", ranking=exported, state=state, items=shop_items(10)
        ),
    ]
    for use in uses:
        with pytest.raises(InputError, match="`table text`: received no vectors"):
            use()
    assert not (tmp_path / "shop").exists()
    model.load_vectors("text", np.ones((SIZED.size("item_id"), 3)))
    assert np.isfinite(model.predict(X)["click"]).all()


@pytest.mark.parametrize("optimizer", [optimizers.LazyAdam, keras.optimizers.Adam])
def test_tables_are_trained_where_they_are_asked_to_be(optimizer):
    vectors = np.random.default_rng(0).normal(size=(SIZED.size("item_id"), 3))
    used = np.unique([*X["item_id"], *X["history_item_id"].reshape(-1)])
    missing, others = used[-1], np.setdiff1d(np.arange(len(vectors)), used)
    vectors[missing] = 0
    model = made("DiffMSIN", tables={"text": 3}, train_tables=True)
    model.load_vectors("text", vectors)
    before = np.asarray(model.vector_tables["text"].vectors)
    model.compile(optimizer(0.01), weighted_metrics=[], run_eagerly=True)
    model.fit(X, Y, batch_size=16, verbose=0)
    moved = np.abs(np.asarray(model.vector_tables["text"].vectors) - before).max(axis=1)
    assert (moved[np.setdiff1d(used, [0, missing])] > 0.005).all()
    assert moved[missing] == 0
    assert (moved[others] == 0).all()


def test_a_row_of_zeros_in_a_table_is_a_missing_vector():
    vectors = np.random.default_rng(0).normal(size=(SIZED.size("item_id"), 3))
    answers = []
    for missing in (0.0, np.nan):
        vectors[3:] = missing
        model = made("DiffMSIN", tables={"text": 3})
        model.load_vectors("text", vectors)
        answers.append(model.predict(X)["click"])
    np.testing.assert_array_equal(*answers)
