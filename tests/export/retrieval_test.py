"""Tests of the `retrieval` signature and its index."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from tests.export.deployment import Deployment, encoded, random_model, user_inputs
from tests.features.shop import SCHEMA, shop_frame, shop_items
from tfctr import export
from tfctr.errors import InputError
from tfctr.export import (
    ItemStore,
    ItemTable,
    checkpoint_fingerprint,
    item_table,
    retrieval_index,
)
from tfctr.export.retrieval import BruteForce

STATE = SCHEMA.fit(shop_frame(15, seed=1, items=8))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A deployment that finds four of its ten items."""
    folder = tmp_path_factory.mktemp("retrieval")
    heads = {
        "ranking": random_model("LogisticRegression", STATE),
        "pre_ranking": random_model("TwoTower", STATE),
    }
    items = shop_items(10)
    path = export.save(folder, **heads, state=STATE, items=items, retrieval_k=4)
    return Deployment(path, **heads, state=STATE, items=items)


def expected(searched, frame):
    """Products of all queries and items, in numpy."""
    model = searched.pre_ranking
    state = model.encode_user(encoded(STATE, user_inputs(frame)))
    vectors = item_table(STATE, searched.items, model).stored["vector"][1:]
    return np.asarray(state["user"]) @ vectors.T * float(model.scale[0])


def test_best_of_all_items_are_found(searched):
    frame = shop_frame(6, seed=4)
    answer = searched.ask("retrieval", **user_inputs(frame))
    products = expected(searched, frame)
    order = np.argsort(-products, axis=1, kind="stable")[:, :4]
    names = np.array([f"i{k}".encode() for k in range(10)], object)
    np.testing.assert_array_equal(answer["top_item_id"], names[order])
    best = np.take_along_axis(products, order, axis=1)
    np.testing.assert_allclose(answer["top_score"], best, rtol=1e-4, atol=1e-5)


def test_found_items_are_those_that_pre_ranking_puts_first(searched):
    user = user_inputs(shop_frame(1, seed=4))
    found = searched.ask("retrieval", **user)["top_item_id"]
    every = np.array([[f"i{k}" for k in range(10)]], object)
    ranked = searched.ask("pre_ranking", **user, item_id=every)["top_item_id"]
    np.testing.assert_array_equal(found, ranked[:, :4])


def test_more_than_there_are_finds_all(tmp_path):
    vectors = np.array([[9, 9], [1, 0], [0, 1], [1, 1]], "float32")
    table = ItemTable(["unknown", "a", "b", "c"], {}, {"vector": vectors})
    index = BruteForce(ItemStore(table, tmp_path, with_ids=True), 99)
    products, ids = index(tf.constant([[2.0, 1.0], [0.0, -1.0]]))
    assert ids.numpy().tolist() == [[b"c", b"a", b"b"], [b"a", b"b", b"c"]]
    assert products.numpy().tolist() == [[3, 2, 1], [0, -1, -1]]


def test_signature_is_there_only_if_asked_for(searched, deployed):
    assert "retrieval" in searched.signatures
    assert "retrieval" not in deployed.signatures


def test_deployment_says_what_its_items_take(searched):
    about = searched.path / "assets.extra" / "item_store.json"
    found = json.loads(about.read_text())
    model = searched.pre_ranking
    assert found["fingerprint"] == checkpoint_fingerprint(model, STATE)
    assert found["num_bytes"]["vector"] == 11 * 5 * 4  # the unknown item is one


@pytest.mark.parametrize(
    ("pre_ranking", "k", "text"),
    [
        (None, 4, "pre_ranking: none"),
        ("COLD", 4, "pre_ranking: COLD"),
        ("TwoTower", 0, "received 0"),
    ],
)
def test_what_cannot_search_is_refused(tmp_path, pre_ranking, k, text):
    head = pre_ranking and random_model(pre_ranking, STATE)
    with pytest.raises(InputError, match=text) as caught:
        export.save(
            tmp_path,
            ranking=random_model("LogisticRegression", STATE),
            pre_ranking=head,
            state=STATE,
            items=shop_items(3),
            retrieval_k=k,
        )
    assert caught.value.field == "retrieval_k"
    assert list(tmp_path.iterdir()) == []


def test_store_without_ids_says_so(tmp_path):
    table = ItemTable(["unknown", "a"], {}, {"vector": np.ones((2, 3), "float32")})
    with pytest.raises(InputError, match="with_ids"):
        ItemStore(table, tmp_path).item_ids(np.array([1]))


def test_index_needs_a_number_of_items_that_there_is():
    table = ItemTable(["unknown", "a"], {}, {"vector": np.ones((2, 3), "float32")})
    for k in (0, 2):
        with pytest.raises(InputError, match="1 to 1"):
            retrieval_index(table, k)


# TensorFlow Recommenders needs Keras 2 for `tf.keras`, so it has its own process.
BESIDE_TFRS = """
import tempfile
import numpy as np
import tensorflow as tf
from tfctr.export import ItemStore, ItemTable, retrieval_index
from tfctr.export.retrieval import BruteForce

rng = np.random.default_rng(0)
vectors = rng.normal(size=(301, 8)).astype("float32")
ids = ["unknown", *(f"item {k}" for k in range(300))]
table = ItemTable(ids, {}, {"vector": vectors})
queries = tf.constant(rng.normal(size=(20, 8)), tf.float32)
theirs, their_ids = retrieval_index(table, 17)(queries)
with tempfile.TemporaryDirectory() as folder:
    ours, our_ids = BruteForce(ItemStore(table, folder, with_ids=True), 17)(queries)
np.testing.assert_array_equal(our_ids, their_ids)
np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
print("equal")
"""


@pytest.mark.slow
def test_index_equals_that_of_tensorflow_recommenders():
    code = textwrap.dedent(BESIDE_TFRS)
    environment = {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip().endswith("equal"), done.stderr[-2000:]
