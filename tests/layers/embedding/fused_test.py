"""Tests of `tfctr.layers.embedding.fused`."""

import numpy as np
import tensorflow as tf

from tests.features.shop import small_schema
from tfctr.features import Categorical, Vocabulary
from tfctr.layers import EmbeddingCollection, EmbeddingTable
from tfctr.layers.embedding.fused import gather_all
from tfctr.layers.embedding.hashing import hashed_rows

HASHED = small_schema(
    user=[
        Categorical("user_id", vocabulary="users"),
        Categorical("city", vocabulary="cities"),
        Categorical("tags", vocabulary="tags", max_values=3),
    ],
    vocabularies=[
        Vocabulary("users", num_hash_buckets=20, num_hashes=2, table="shared"),
        Vocabulary("cities", num_hash_buckets=20, table="shared"),
        Vocabulary("tags", num_hash_buckets=9, num_hashes=3),
    ],
).with_sizes({"item_id": 7})


def test_one_gather_reads_all_parts():
    table = EmbeddingTable(9, 2)
    table.build(None)
    rows = np.arange(18, dtype="float32").reshape(9, 2)
    table.embeddings.assign(rows)
    parts = [np.array([[3, 4]]), np.array([], int), np.array([[[1], [8]]])]
    found = gather_all(table, [tf.constant(part, tf.int32) for part in parts])
    for part, vectors in zip(parts, found, strict=True):
        np.testing.assert_array_equal(vectors, rows[part])

    @tf.function
    def graph(*parts):
        return gather_all(table, parts)

    traced = graph.get_concrete_function(
        *(tf.TensorSpec([None] * part.ndim, tf.int32) for part in parts)
    )
    gathers = [op for op in traced.graph.get_operations() if "Gather" in op.type]
    assert len(gathers) == 1


def test_fingerprints_are_the_mean_of_their_rows():
    layer = EmbeddingCollection(HASHED, 4)
    layer.build(None)
    rows = np.asarray(layer.table.embeddings)
    shared = rows[slice(*layer.tables["table_shared"])]
    tags = rows[slice(*layer.tables["table_tags"])]
    ids = np.array([0, 77, 2**31 - 2], "int32")
    lists = np.array([[5, 0, 6], [0, 0, 0], [9, 9, 0]], "int32")
    fields = layer({"user_id": ids, "city": ids, "tags": lists})

    def vectors(table, ids, hashes, name, size):
        places = hashed_rows(ids, size, hashes, name).numpy()
        return table[places].mean(axis=-2)

    # A missing id has row 0 of its table, as in every vocabulary.
    np.testing.assert_allclose(
        fields["user_id"], vectors(shared, ids, 2, "users", 21), rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(
        fields["city"], vectors(shared, ids, 1, "cities", 21), rtol=1e-5, atol=1e-7
    )
    of_tags = vectors(tags, lists, 3, "tags", 10)
    known = (lists != 0)[..., None]
    expected = (of_tags * known).sum(1) / np.maximum(known.sum(1), 1)
    np.testing.assert_allclose(fields["tags"], expected, rtol=1e-5, atol=1e-7)


def test_features_of_one_table_differ_by_their_salt():
    layer = EmbeddingCollection(HASHED, 4)
    ids = np.arange(1, 40, dtype="int32")
    fields = layer({"city": ids, "user_id": ids})
    equal = np.all(np.isclose(fields["city"], fields["user_id"]), axis=-1)
    assert equal.mean() < 0.2
