"""Tests of `tfctr.models.VectorProduct`."""

import numpy as np

from tests.models.baselines.two_tower_test import X, tower
from tests.models.data import USER_ROLES, made, part


def test_logit_is_the_scaled_product_of_the_towers():
    model = made("VectorProduct")
    names = model.embeddings.fields()
    fields = dict(zip(names, np.moveaxis(model.embeddings(X), 1, 0), strict=True))
    of = model.embeddings.fields
    user = tower(model.user_tower, fields, of(USER_ROLES), unit=False)
    item = tower(model.item_tower, fields, of(["item"]), unit=False)
    product = (user * item).sum(axis=-1)
    for place, logits in enumerate(model(X).values()):
        expected = model.scale[place] * product + model.bias[place]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_length_of_a_vector_counts():
    model = made("VectorProduct")
    state = model.encode_user(part(X, USER_ROLES))
    stored = np.asarray(model.encode_items(part(X, ["item"]))["vector"])[:, None]
    bias = np.asarray(model.bias[0])
    once = model.score_stored(state, {"vector": stored})["click"] - bias
    twice = model.score_stored(state, {"vector": 2 * stored})["click"] - bias
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-3, atol=1e-4)
