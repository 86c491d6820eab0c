"""Tests of `tfctr.layers.PooledEmbeddings`."""

import numpy as np

from tests.features.shop import SCHEMA, shop_frame
from tfctr.layers import EmbeddingCollection, PooledEmbeddings
from tfctr.layers.embedding.pooled import masked_mean
from tfctr.testing import make_batch

SIZED = SCHEMA.fit(shop_frame()).schema
X, _ = make_batch(SIZED, 8, seed=2)
HISTORIES = {c.name: c.sequence.name for c in SIZED.encoded_columns(["sequence"])}
MARKERS = {"history": "history_item_id", "history_long": "history_long_item_id"}


def pair(dim=3):
    """A pooled and a plain collection with equal weights."""
    pooled, plain = PooledEmbeddings(SIZED, dim), EmbeddingCollection(SIZED, dim)
    pooled.build(None)
    plain.build(None)
    plain.set_weights(pooled.get_weights())
    return pooled, plain


def test_histories_are_the_mean_of_their_real_events():
    pooled, plain = (layer(X) for layer in pair())
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
    pooled, plain = (layer(X) for layer in pair())
    for name in plain.keys() - HISTORIES.keys():
        np.testing.assert_array_equal(pooled[name], plain[name])


def test_real_event_without_a_value_counts_as_an_event():
    # One of two events lacks its category: the other's weighs one half.
    pooled, plain = pair()
    ids = np.array([[2, 3, 0, 0]], "int32")
    tags = np.array([[[1, 0], [0, 0], [0, 0], [0, 0]]], "int32")
    field = pooled({"history_item_id": ids, "history_category": tags})
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
    padded, truncated = pooled(whole), pooled(cut)
    for name in padded:
        np.testing.assert_allclose(padded[name], truncated[name], rtol=1e-6)


def test_empty_history_gives_zeros():
    pooled, _ = pair()
    empty = {name: np.zeros_like(X[name]) for name in HISTORIES}
    fields = pooled(empty)
    assert {n for n in HISTORIES if n != "history_time"} == set(fields)
    for value in fields.values():
        np.testing.assert_array_equal(value, np.zeros((8, 3)))


def test_masked_mean_of_any_leading_dimensions():
    events = np.arange(12, dtype="float32").reshape(1, 2, 3, 2)
    mask = np.array([[[True, False, True], [False, False, True]]])
    np.testing.assert_array_equal(
        masked_mean(events, mask), [[[2.0, 3.0], [10.0, 11.0]]]
    )
