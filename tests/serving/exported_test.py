"""Tests of the cascade on a real export: one whose item id has a name of its own."""

import numpy as np
import pandas as pd
import pytest

from tfctr.export import save
from tfctr.features import Categorical, FeatureSchema, Label, Sequence
from tfctr.models import DIN, TwoTower
from tfctr.serving import CascadeClient, PredictClient
from tfctr.serving.server import EmbeddedServer

PRODUCTS = list(range(100, 130))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    product = Categorical("product", dtype="int64")
    schema = FeatureSchema(
        user=[Categorical("customer")],
        item=[product],
        sequences=[Sequence("bought", [product], max_length=4)],
        labels=[Label("click")],
        user_id="customer",
        item_id="product",
    )
    examples = pd.DataFrame(
        {
            "customer": ["a", "b"] * 15,
            "product": PRODUCTS,
            "bought_product": [PRODUCTS[:k] for k in range(30)],
            "click": [0.0, 1.0] * 15,
        }
    )
    state = schema.fit(examples)
    ranking, pre_ranking = DIN(state.schema, seed=1), TwoTower(state.schema, seed=2)
    folder = tmp_path_factory.mktemp("export") / "ctr"
    items = pd.DataFrame({"product": PRODUCTS})
    heads = {"ranking": ranking, "pre_ranking": pre_ranking}
    save(folder, **heads, state=state, items=items, top_k=20, retrieval_k=12)
    with EmbeddedServer("ctr", folder) as server:
        yield server, state, ranking


def in_memory(state, model, user, bought, products) -> np.ndarray:
    import tensorflow as tf

    raw = {
        "customer": tf.constant([user]),
        "bought_product": tf.constant([bought + [-1] * (4 - len(bought))], tf.int64),
    }
    encoded = model.encode_user(state.encode(raw))
    items = state.encode({"product": tf.constant([products], tf.int64)})
    return 1 / (1 + np.exp(-np.asarray(model.score(encoded, items)["click"])[0]))


def test_cascade_ranks_by_the_schemas_own_names(exported):
    server, state, model = exported
    ids = [str(product) for product in PRODUCTS]
    with PredictClient(server.address, "ctr") as client:
        cascade = CascadeClient(client, schema=state.schema)
        user = {"customer": "a", "bought_product": [101, 105]}
        ranked = cascade.rank(user, ids, pre_rank_to=30, return_count=30)
    scores = in_memory(state, model, "a", [101, 105], PRODUCTS)
    assert sorted(item.item_id for item in ranked) == ids
    for item in ranked:
        expected = scores[PRODUCTS.index(int(item.item_id))]
        assert item.ranking_score == pytest.approx(expected, abs=1e-5)


def test_unknown_ids_and_unknown_users_get_finite_scores(exported):
    server, state, _ = exported
    with PredictClient(server.address, "ctr") as client:
        cascade = CascadeClient(client, schema=state.schema)
        ranked = cascade.rank({"customer": "nobody"}, ["7", "never seen", "101"])
    assert len(ranked) == 3
    assert np.isfinite([item.ranking_score for item in ranked]).all()


USER = {"customer": np.array(["a"], object), "bought_product": np.array([[101, 105]])}


def pre_ranked(server, ids):
    with PredictClient(server.address, "ctr") as client:
        inputs = {**USER, "item_id": np.array([ids], object).reshape(1, -1)}
        return client.predict(inputs, "pre_ranking")


def test_id_that_comes_twice_is_scored_twice(exported):
    answer = pre_ranked(exported[0], ["103", "104", "103"])
    assert answer["score"][0, 0] == answer["score"][0, 2] != answer["score"][0, 1]
    assert sorted(answer["top_index"][0]) == [0, 1, 2]


def test_ids_that_the_store_lacks_are_one_unknown_item(exported):
    answer = pre_ranked(exported[0], ["never", "103", "seen"])
    assert answer["score"][0, 0] == answer["score"][0, 2]
    assert np.isfinite(answer["score"]).all()


def test_fewer_candidates_than_top_k_are_all_returned(exported):
    answer = pre_ranked(exported[0], ["103", "104"])
    assert answer["top_index"].shape == (1, 2)


def test_no_candidates_get_an_empty_answer(exported):
    answer = pre_ranked(exported[0], [])
    assert {value.shape for value in answer.values()} == {(1, 0)}


def test_cascade_from_the_whole_catalogue_ranks_what_is_retrieved(exported):
    server, state, _ = exported
    user = {"customer": "a", "bought_product": [101, 105]}
    with PredictClient(server.address, "ctr") as client:
        cascade = CascadeClient(client, schema=state.schema)
        found = client.predict(USER, "retrieval")["top_item_id"][0]
        listed = cascade.recommend(user, pre_rank_to=6, return_count=4)
        ids = [item.decode() for item in found]
        assert listed == cascade.rank(user, ids, pre_rank_to=6, return_count=4)
    assert len(ids) == 12
    assert len(listed) == 4
