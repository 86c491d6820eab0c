"""Tests of `tfctr.models.request_form`: models called with whole requests."""

import numpy as np
import pytest

from tests.models.data import PLAIN, SIZED, candidates, made, pairs, rows
from tfctr import models
from tfctr.models.request_form import is_request_form, split_roles

X, Y, _ = rows(6)
REQUESTS = {**X, **candidates(X, 3)}


@pytest.mark.parametrize("name", models.names())
def test_model_called_with_requests_scores_each_pair(name):
    model = made(name)
    pointwise = model(pairs(X, candidates(X, 3)))
    for label, logits in model(REQUESTS).items():
        assert logits.shape == (6, 3)
        np.testing.assert_allclose(
            np.reshape(logits, -1), pointwise[label], rtol=1e-5, atol=1e-5
        )


def test_model_that_writes_its_own_call_takes_requests():
    class Doubled(models.LogisticRegression):
        def call(self, inputs, training=False):
            logits = super().call(inputs, training=training)
            return {name: 2 * value for name, value in logits.items()}

    model = Doubled(PLAIN)
    x, _, _ = rows(4, schema=PLAIN)
    requests = {**x, **candidates(x, 2, PLAIN)}
    assert model(requests)["click"].shape == (4, 2)
    assert model(x)["click"].shape == (4,)


def test_predict_takes_requests():
    model = made("DIN")
    found = model.predict(REQUESTS, batch_size=4)
    np.testing.assert_allclose(
        found["buy"], model(REQUESTS)["buy"], rtol=1e-5, atol=1e-5
    )


def test_form_is_told_by_the_rank_of_the_item_id():
    assert is_request_form(SIZED, REQUESTS)
    assert not is_request_form(SIZED, X)
    assert not is_request_form(SIZED, {"user_id": X["user_id"]})


def test_roles_are_split_and_other_columns_left_out():
    user, items = split_roles(SIZED, {**REQUESTS, "candidate_mask": np.ones((6, 3))})
    assert items.keys() == candidates(X, 1).keys()
    assert user.keys() == X.keys() - items.keys() - {"group_id"}
