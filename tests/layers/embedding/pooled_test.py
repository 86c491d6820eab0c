"""Tests of `tfctr.layers.PooledEmbeddings`."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tests.features.shop import SCHEMA, shop_frame
from tfctr import kernels
from tfctr.layers import EmbeddingCollection, PooledEmbeddings
from tfctr.layers.embedding.pooled import joined
from tfctr.testing import make_batch

SIZED = SCHEMA.fit(shop_frame()).schema
X, _ = make_batch(SIZED, 8, seed=2)
HISTORIES = {c.name: c.sequence.name for c in SIZED.encoded_columns(["sequence"])}
MARKERS = {"history": "history_item_id", "history_long": "history_long_item_id"}


def by_name(layer, inputs):
    names = [name for name in layer.fields() if name in inputs]
    return dict(zip(names, np.moveaxis(layer(inputs), 1, 0), strict=True))


def pair(dim=3):
    """A pooled and a plain collection with equal weights."""
    pooled, plain = PooledEmbeddings(SIZED, dim), EmbeddingCollection(SIZED, dim)
    pooled.build(None)
    plain.build(None)
    plain.set_weights(pooled.get_weights())
    return pooled, plain


def test_histories_are_the_mean_of_their_real_events():
    pooled, plain = pair()
    pooled, plain = by_name(pooled, X), plain(X)
    for name, sequence in HISTORIES.items():
        if name not in plain:
            continue
        real = X[MARKERS[sequence]] != 0
        events = np.asarray(plain[name])
        expected = [
            row[mask].mean(axis=0) if mask.any() else np.zeros(3)
            for row, mask in zip(events, real, strict=True)
        ]
        np.testing.assert_allclose(pooled[name], expected, rtol=1e-5, atol=1e-6)
    assert not (X["history_item_id"] != 0).all()


def test_all_else_is_as_in_the_plain_collection():
    pooled, plain = pair()
    pooled, plain = by_name(pooled, X), plain(X)
    for name in plain.keys() - HISTORIES.keys():
        np.testing.assert_allclose(pooled[name], plain[name], rtol=1e-6)


def test_real_event_without_a_value_counts_as_an_event():
    # One of two events lacks its category: the other's weighs one half.
    pooled, plain = pair()
    ids = np.array([[2, 3, 0, 0]], "int32")
    tags = np.array([[[1, 0], [0, 0], [0, 0], [0, 0]]], "int32")
    field = by_name(pooled, {"history_item_id": ids, "history_category": tags})
    event = plain({"category": tags[:, 0]})["category"]
    np.testing.assert_allclose(
        field["history_category"], np.asarray(event) / 2, rtol=1e-6
    )


def test_padding_equals_truncation():
    pooled, _ = pair()
    whole = {name: X[name] for name in HISTORIES}
    whole = {name: np.copy(value) for name, value in whole.items()}
    whole["history_item_id"][:, 2:] = 0  # two events at most are real
    cut = {
        name: value[:, :2] if HISTORIES[name] == "history" else value
        for name, value in whole.items()
    }
    padded, truncated = by_name(pooled, whole), by_name(pooled, cut)
    for name in padded:
        np.testing.assert_allclose(padded[name], truncated[name], rtol=1e-6)


def test_empty_history_gives_zeros():
    pooled, _ = pair()
    empty = {name: np.zeros_like(X[name]) for name in HISTORIES}
    fields = by_name(pooled, empty)
    assert {n for n in HISTORIES if n != "history_time"} == set(fields)
    for value in fields.values():
        np.testing.assert_array_equal(value, np.zeros((8, 3)))


def test_user_side_comes_before_the_item_without_a_copy_between():
    pooled, _ = pair()
    roles = {c.name: c.role for c in SIZED.encoded_columns()}
    is_item = [roles[name] == "item" for name in pooled.fields()]
    assert is_item == sorted(is_item)
    assert pooled.fields(["item"]) == pooled.fields()[-sum(is_item) :]


def test_sides_join_to_the_whole():
    pooled, _ = pair()
    roles = {c.name: c.role for c in SIZED.encoded_columns()}
    user = {n: v for n, v in X.items() if roles.get(n, "item") != "item"}
    item = {n: v for n, v in X.items() if roles.get(n) == "item"}
    sides = {**pooled.sides(user, "x"), **pooled.sides(item, "x")}
    assert set(sides) == {"user_x", "item_x"}
    whole = pooled.sides(X, "x")
    assert set(whole) == {"x"}
    np.testing.assert_allclose(joined(sides, "x"), joined(whole, "x"), rtol=1e-6)
    assert pooled.sides({}, "x") == {}


@pytest.mark.parametrize("is_xla", [True, False])
def test_leading_dimensions_are_kept(is_xla):
    pooled, _ = pair()
    nested = {n: v.reshape(2, 4, *v.shape[1:]) for n, v in X.items()}
    with kernels.xla(is_xla):
        flat, fields = pooled(X), pooled(nested)
    assert fields.shape == (2, 4, *flat.shape[1:])
    np.testing.assert_allclose(
        np.reshape(fields, flat.shape), flat, rtol=1e-5, atol=1e-6
    )


def test_padding_gets_no_gradient():
    pooled, _ = pair()
    item = {c.name: X[c.name] for c in SIZED.encoded_columns(["item"])}
    history = {**item, "history_item_id": np.array([[3, 2, 0, 0]] * 8, "int32")}
    with kernels.xla(False), tf.GradientTape() as tape:
        total = ops.sum(pooled(history))
    gradient = tape.gradient(total, pooled.table.embeddings.value)
    start = pooled.tables["table_item_id"][0]
    own = set(X["item_id"].tolist())
    rows = set(gradient.indices.numpy().tolist())
    assert {start + 2, start + 3} <= rows
    assert (start in rows) == (0 in own)
