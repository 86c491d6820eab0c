"""Tests of `tfctr.models.PreRankingModel`, on every model of that kind."""

import numpy as np
import pytest

from tests.models.data import USER_ROLES, candidates, made, part, rows
from tfctr import models
from tfctr.models import PreRankingModel

X, _, _ = rows(12)
every_pre_ranking_model = pytest.mark.parametrize(
    "name", [n for n in models.names() if issubclass(models.get(n), PreRankingModel)]
)


@every_pre_ranking_model
def test_stored_items_score_as_items_do(name):
    model, items = made(name), candidates(X, 5)
    state = model.encode_user(part(X, USER_ROLES))
    stored = model.encode_items(part(X, ["item"]))
    assert "vector" in stored
    picked = (np.arange(12)[:, None] + np.arange(5)) % 12
    stored = {name: np.asarray(value)[picked] for name, value in stored.items()}
    scores, expected = model.score_stored(state, stored), model.score(state, items)
    for label in expected:
        assert scores[label].shape == (12, 5)
        np.testing.assert_allclose(scores[label], expected[label], atol=1e-5)


@every_pre_ranking_model
def test_what_is_stored_of_an_item_depends_on_it_alone(name):
    model, items = made(name), part(X, ["item"])
    together = model.encode_items(items)["vector"]
    alone = model.encode_items({n: value[3:4] for n, value in items.items()})
    np.testing.assert_allclose(alone["vector"][0], together[3], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["TwoTower", "VectorProduct", "TARQ"])
def test_search_is_by_products_with_what_is_stored(name):
    model = made(name)
    query = model.retrieval_query(model.encode_user(part(X, USER_ROLES)))
    vectors = np.asarray(model.encode_items(part(X, ["item"]))["vector"])
    products = np.asarray(query) @ vectors.T
    assert products.shape == (12, 12)
    if name == "TARQ":  # which searches by the cosine of its towers alone
        known = part(X, USER_ROLES)
        cosines = np.asarray(model.backbone.user(known).vector) @ vectors.T
        np.testing.assert_allclose(products, cosines, atol=1e-5)
        return
    state = model.encode_user(part(X, USER_ROLES))
    logits = model.score_stored(state, {"vector": np.stack([vectors] * 12)})["click"]
    same = np.argsort(products, axis=1) == np.argsort(logits, axis=1)
    assert same.all()
