"""Tests of `tfctr.training.pretrained.load_pretrained`: B3 and B9."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import SMALL
from tests.training.pretrained.shop import (
    AFTER,
    NEW,
    OLD,
    SCHEMA,
    clicks,
    rows_of,
    state_of,
    written,
)
from tfctr import models, optimizers
from tfctr.data import to_dataset
from tfctr.errors import InputError, UnknownName
from tfctr.features import SchemaState, Vocabulary
from tfctr.models.table_settings import embedding_tables
from tfctr.training.growth import RowCounts, carry_over
from tfctr.training.pretrained import Window, load_pretrained, read_pretrained


def made(name="DCNv2", state=NEW, **kwargs):
    model = models.get(name)(state.schema, **{**SMALL[name], **kwargs})
    model.build()
    return model


def load(model, folder, state=NEW, **kwargs):
    return load_pretrained(model, folder, state, **{"ranker_window": AFTER, **kwargs})


def fit(model, state=NEW, epochs=2):
    model.fit(to_dataset(clicks(), state, 8), epochs=epochs, verbose=0)


def layer_of(model):
    return getattr(model, "embeddings", None) or model.value_weights


def test_rows_go_with_their_values_and_the_rest_stays(tmp_path):
    """B3: bit for bit."""
    folder, source = written(tmp_path / "tables")
    model, fresh = made(), made()
    report = load(model, folder)
    assert report.vocabularies["item_id"] == RowCounts(kept=2, new=3, dropped=1)
    assert report.vocabularies["user_id"] == RowCounts(kept=8, new=0, dropped=0)
    assert report.frozen == ("ids", "item_id")
    assert report.fingerprint == read_pretrained(folder).fingerprint
    old, items = (
        rows_of(source.embeddings, "item_id"),
        rows_of(layer_of(model), "item_id"),
    )
    # Rows 0 to 2 are missing and unknown; then c, d, a, e, f here and a, b, c there.
    np.testing.assert_array_equal(items[[0, 1, 2, 3, 5]], old[[0, 1, 2, 5, 3]])
    untrained = rows_of(layer_of(fresh), "item_id")
    np.testing.assert_array_equal(items[[4, 6, 7]], untrained[[4, 6, 7]])
    np.testing.assert_array_equal(
        rows_of(layer_of(model), "ids"), rows_of(source.embeddings, "ids")
    )
    np.testing.assert_array_equal(
        rows_of(layer_of(model), "city"), rows_of(layer_of(fresh), "city")
    )


@pytest.mark.parametrize(
    "optimizer", [optimizers.default, optimizers.RowWiseAdagrad, keras.optimizers.Adam]
)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_frozen_rows_stay_to_the_bit(tmp_path, optimizer, dropout):
    """B3."""
    folder, _ = written(tmp_path / "tables")
    model = made()
    model.compile(optimizer=optimizer(0.05), weighted_metrics=[])
    load(model, folder, dropout=dropout)
    before = {key: rows_of(layer_of(model), key) for key in ("ids", "item_id", "city")}
    fit(model)
    for key in ("ids", "item_id"):
        np.testing.assert_array_equal(rows_of(layer_of(model), key), before[key])
    assert (rows_of(layer_of(model), "city") != before["city"]).any()


@pytest.mark.parametrize("name", ["DeepFM", "DIN", "TwoTower"])
def test_any_model_takes_them(tmp_path, name):
    folder, source = written(tmp_path / "tables")
    model = made(name)
    model.compile(weighted_metrics=[])
    load(model, folder)
    items = rows_of(layer_of(model), "item_id")
    old = rows_of(source.embeddings, "item_id")
    np.testing.assert_array_equal(items[[3, 5], :4], old[[5, 3]])
    fit(model, epochs=1)
    np.testing.assert_array_equal(rows_of(layer_of(model), "item_id"), items)


def test_trainable_rows_change_where_they_were_seen(tmp_path):
    """B3: with a sparse optimizer."""
    folder, _ = written(tmp_path / "tables")
    model = made()
    model.compile(optimizers.LazyAdam(0.05), weighted_metrics=[])
    load(model, folder, mode="trainable")
    before = rows_of(layer_of(model), "item_id")
    fit(model)
    changed = (rows_of(layer_of(model), "item_id") != before).any(axis=1)
    # Missing, two unknown, then c, d, a, e, f: no click is on e.
    assert changed.tolist() == [False] * 3 + [True, True, True, False, True]


def test_tables_have_a_learning_rate_of_their_own(tmp_path):
    folder, _ = written(tmp_path / "tables")
    model = made()
    model.compile(optimizers.default(0.01), weighted_metrics=[], grouped_auc=True)
    load(model, folder, mode="trainable", learning_rate=0.002)
    fit(model, epochs=1)
    assert isinstance(model.optimizer, optimizers.Composite)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert float(model.optimizer.tables.learning_rate) == pytest.approx(0.002)
    assert "click_grouped_auc" in [metric.name for metric in model.metrics]
    model = made()
    load(model, folder, mode="trainable", learning_rate=0.002)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)
    model = made()
    adaptive = optimizers.default(0.01, frequency_adaptive=True)
    model.compile(adaptive, weighted_metrics=[])
    load(model, folder, mode="trainable", learning_rate=0.002)
    assert model.optimizer.tables.frequency_adaptive


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("user_features", [["user_id"], ["user_id", "city"]])
def test_models_of_a_file_go_on_with_frozen_tables(tmp_path, dropout, user_features):
    """Some tables of the variable are frozen, or all of them."""
    folder, _ = written(tmp_path / "tables", user_features=user_features)
    model = made()
    model.compile(weighted_metrics=[])
    load(model, folder, dropout=dropout)
    fit(model, epochs=1)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = next(iter(to_dataset(clicks(), NEW, 8)))[0]
    np.testing.assert_array_equal(again(x)["click"], model(x)["click"])
    (table,) = embedding_tables(again)
    assert table.frozen.dropout == dropout
    before = {key: rows_of(layer_of(again), key) for key in ("ids", "item_id", "city")}
    fit(again, epochs=1)
    for key in ("ids", "item_id", *user_features[1:]):
        np.testing.assert_array_equal(rows_of(layer_of(again), key), before[key])
    if len(user_features) == 1:
        assert (rows_of(layer_of(again), "city") != before["city"]).any()
    if not dropout:  # whose seeds begin anew, as those of all dropout in files do
        fit(model, epochs=1)
        for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_tables_stay_frozen_in_a_model_of_new_vocabularies(tmp_path):
    folder, _ = written(tmp_path / "tables")
    model = made()
    model.compile(weighted_metrics=[])
    load(model, folder)
    fit(model, epochs=1)
    newer = state_of((*"fcdaegh",), ("oslo", "bern", "rome", "lima", "bonn"))
    carried = carry_over(model, NEW, newer).model
    before = {
        key: rows_of(layer_of(carried), key) for key in ("ids", "item_id", "city")
    }
    assert len(before["item_id"]) == 10
    fit(carried, newer)
    for key in ("ids", "item_id"):
        np.testing.assert_array_equal(rows_of(layer_of(carried), key), before[key])
    assert (rows_of(layer_of(carried), "city") != before["city"]).any()


def test_exported_models_answer_as_frozen_ones_do(tmp_path):
    folder, _ = written(tmp_path / "tables")
    model = made()
    model.compile(weighted_metrics=[])
    load(model, folder, dropout=0.5)
    fit(model, epochs=1)
    x = next(iter(to_dataset(clicks(), NEW, 8)))[0]
    archive = keras.export.ExportArchive()
    archive.track(model)
    shapes = {n: tf.TensorSpec((None, *v.shape[1:]), v.dtype) for n, v in x.items()}
    archive.add_endpoint("serve", model.__call__, input_signature=[shapes])
    archive.write_out(tmp_path / "exported", verbose=False)
    served = tf.saved_model.load(tmp_path / "exported")
    found = served.serve(x)["click"]
    np.testing.assert_allclose(found, model(x)["click"], rtol=1e-6)


def test_table_all_of_whose_rows_are_frozen(tmp_path):
    folder, _ = written(
        tmp_path / "tables",
        user_features=["user_id", "city"],
    )
    model = made()
    load(model, folder)
    model.compile(weighted_metrics=[])
    before = np.asarray(layer_of(model).table.embeddings)
    fit(model, epochs=1)
    np.testing.assert_array_equal(layer_of(model).table.embeddings, before)
    assert "embeddings" not in [w.name for w in model.trainable_variables]


def test_vocabularies_that_the_model_lacks_are_said(tmp_path):
    folder, _ = written(tmp_path / "tables", user_features=["city"])
    kept = tuple(v for v in SCHEMA.vocabularies if v.name != "city")
    schema = dataclasses.replace(SCHEMA, user=SCHEMA.user[:1], vocabularies=kept)
    state = SchemaState(schema, {"item_id": ("a", "z")}, {})
    report = load(made(state=state), folder, state)
    assert report.unused == ("city",)
    assert report.vocabularies == {"item_id": RowCounts(kept=1, new=1, dropped=2)}


def test_overlapping_windows_are_refused_unless_asked_for(tmp_path):
    """B9."""
    folder, _ = written(tmp_path / "tables")
    model = made()
    before = np.asarray(layer_of(model).table.embeddings)
    for window in (Window(99, 150), None):
        with pytest.raises(InputError, match="`ranker_window`"):
            load(model, folder, ranker_window=window)
    np.testing.assert_array_equal(layer_of(model).table.embeddings, before)
    load(model, folder, ranker_window=Window(99, 150), allow_overlap=True)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"num_hash_buckets": 9, "table": "ids"}, "buckets"),
        ({"num_hashes": 3, "table": "ids"}, "hashes"),
        ({}, "table"),
    ],
)
def test_other_hashes_are_refused(tmp_path, settings, text):
    folder, _ = written(tmp_path / "tables")
    settings = {"num_hash_buckets": 7, "num_hashes": 2, **settings}
    vocabulary = Vocabulary("user_id", **settings)
    schema = dataclasses.replace(
        SCHEMA, vocabularies=[vocabulary, *SCHEMA.vocabularies[1:]]
    )
    state = state_of(schema=schema)
    with pytest.raises(InputError, match=rf"`user_id\..*{text}`: received"):
        load(made(state=state), folder, state)


def test_tables_of_other_ids_or_widths_are_refused(tmp_path):
    folder, _ = written(tmp_path / "tables")
    state = state_of(("x", "y"))
    with pytest.raises(InputError, match="none of which the model has"):
        load(made(state=state), folder, state)
    with pytest.raises(InputError, match=r"of the model's width, \[6\]"):
        load(made(dim=6), folder)
    with pytest.raises(InputError, match=r"width, \[1\]"):
        load(made("LogisticRegression"), folder)
    with pytest.raises(InputError, match="`state`"):
        load(made(), folder, OLD)


def test_other_bad_arguments_are_refused(tmp_path):
    folder, _ = written(tmp_path / "tables")
    with pytest.raises(UnknownName, match="Did you mean 'frozen'"):
        load(made(), folder, mode="froozen")
    with pytest.raises(InputError, match="`dropout`"):
        load(made(), folder, mode="trainable", dropout=0.5)
    with pytest.raises(InputError, match="`dropout`"):
        load(made(), folder, dropout=1.5)
    with pytest.raises(InputError, match="`learning_rate`"):
        load(made(), folder, learning_rate=0.1)
    model = made()
    model.compile(keras.optimizers.AdamW(), weighted_metrics=[])
    with pytest.raises(InputError, match="weight_decay"):
        load(model, folder)
    model.compile(weighted_metrics=[])
    fit(model, epochs=1)
    with pytest.raises(InputError, match=r"`model`.*not trained yet"):
        load(model, folder)
