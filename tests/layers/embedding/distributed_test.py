"""Tests of `tfctr.layers.embedding.distributed`, off TPU."""

import keras
import numpy as np
import pytest

from tests.features.shop import SCHEMA, shop_frame, small_schema
from tfctr.errors import InputError
from tfctr.features import Vocabulary
from tfctr.layers.embedding.collection import EmbeddingCollection
from tfctr.layers.embedding.distributed import DistributedCollection, feature_configs
from tfctr.testing import make_batch

SIZED = SCHEMA.fit(shop_frame()).schema


@pytest.fixture(scope="module")
def pair():
    """The usual layer and the one for TPUs, with the same weights."""
    plain = EmbeddingCollection(SIZED, 4, seed=3, stddev=0.3)
    layer = DistributedCollection(SIZED, 4, seed=5)
    plain.build()
    layer.build()
    tables = layer.embedding.get_embedding_tables()
    rows = np.asarray(plain.table.embeddings)
    assert tables.keys() == plain.tables.keys()
    for key, (start, stop) in plain.tables.items():
        tables[key].assign(rows[start:stop])
    for name, scale in plain._scales.items():
        layer._scales[name].kernel.assign(scale.kernel)
    return plain, layer


def test_vectors_are_those_of_the_embedding_collection(pair):
    plain, layer = pair
    x, _ = make_batch(SIZED, 9, seed=2)
    kinds = {(c.sequence is not None, len(c.shape)) for c in plain._columns}
    assert {(False, 0), (False, 1), (True, 1)} <= kinds
    expected, found = plain(x), layer(x)
    assert list(found) == list(expected)
    for name, vectors in expected.items():
        np.testing.assert_allclose(found[name], vectors, atol=1e-6, err_msg=name)
    shapes = layer.compute_output_shape({name: v.shape for name, v in x.items()})
    assert shapes == {name: tuple(v.shape) for name, v in found.items()}


def test_columns_of_one_vocabulary_share_a_table():
    configs = feature_configs(SIZED, 4, 16)
    assert configs["history_item_id"].table is configs["item_id"].table
    assert configs["item_id"].table.vocabulary_size == SIZED.size("item_id")
    assert configs["item_id"].output_shape == (16, 4)


def test_events_of_a_sequence_count_as_examples():
    (length,) = {s.max_length for s in SIZED.sequences if s.name == "history"}
    config = feature_configs(SIZED, 4, 16)["history_item_id"]
    assert config.input_shape == (16 * length,)


def test_table_begins_as_that_of_the_embedding_collection():
    plain = EmbeddingCollection(SIZED, 4, seed=3)
    layer = DistributedCollection(SIZED, 4, seed=3)
    plain.build()
    layer.build()
    start, stop = plain.tables["table_item_id"]
    np.testing.assert_allclose(
        layer.embedding.get_embedding_tables()["table_item_id"],
        np.asarray(plain.table.embeddings)[start:stop],
        atol=1e-7,
    )


def test_gradient_reaches_rows_and_kernels(pair):
    import tensorflow as tf

    _, layer = pair
    x, _ = make_batch(SIZED, 9, seed=2)
    with tf.GradientTape() as tape:
        loss = tf.add_n([tf.reduce_sum(vector**2) for vector in layer(x).values()])
    gradients = tape.gradient(loss, layer.trainable_variables)
    assert all(gradient is not None for gradient in gradients)


@pytest.mark.parametrize("optimizer", ["adagrad", keras.optimizers.Adagrad(0.25)])
def test_config_gives_the_layer_back(optimizer):
    layer = DistributedCollection(SIZED, 4, 8, roles=["item"], optimizer=optimizer)
    again = DistributedCollection.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again.build()
    assert [tuple(w.shape) for w in again.weights]


def test_vocabulary_with_several_rows_an_id_is_refused():
    schema = small_schema(
        vocabularies=[Vocabulary("user_id", num_hash_buckets=50, num_hashes=2)]
    ).with_sizes({"item_id": 12})
    with pytest.raises(InputError, match=r"`user_id`.*hashes.*EmbeddingCollection"):
        DistributedCollection(schema, 4)
