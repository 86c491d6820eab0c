"""Tests of `tfctr.models.TwoTower`."""

import numpy as np

from tests.models.data import USER_ROLES, candidates, made, part, rows
from tfctr import models

X, _, _ = rows(16)


def tower(mlp, fields, names, unit=True):
    """A tower in numpy: dense layers, the last one linear, then length one."""
    x = np.concatenate([fields[name] for name in names], axis=-1)
    for place, dense in enumerate(mlp.dense_layers):
        x = x @ np.asarray(dense.kernel) + np.asarray(dense.bias)
        if place < len(mlp.dense_layers) - 1:
            x = np.maximum(x, 0)

    return x / np.linalg.norm(x, axis=-1, keepdims=True) if unit else x


def test_logit_is_the_scaled_cosine_of_the_towers():
    model = made("TwoTower")
    names = model.embeddings.fields()
    fields = dict(zip(names, np.moveaxis(model.embeddings(X), 1, 0), strict=True))
    of = model.embeddings.fields
    user = tower(model.user_tower, fields, of(USER_ROLES))
    item = tower(model.item_tower, fields, of(["item"]))
    cosine = (user * item).sum(axis=-1)
    scale, bias = np.asarray(model.scale), np.asarray(model.bias)
    for place, logits in enumerate(model(X).values()):
        expected = scale[place] * cosine + bias[place]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_vectors_have_length_one():
    model = made("TwoTower")
    state = model.encode_user(part(X, USER_ROLES))
    vectors = model.encode_items(part(X, ["item"]))["vector"]
    for value in (state["user"], vectors):
        assert value.shape == (16, 5)
        np.testing.assert_allclose(np.linalg.norm(value, axis=-1), 1.0, rtol=1e-5)


def test_score_is_a_product_of_stored_vectors():
    model = made("TwoTower")
    state = model.encode_user(part(X, USER_ROLES))
    items = candidates(X, 4)
    stored = model.encode_items(part(X, ["item"]))["vector"]
    picked = (np.arange(16)[:, None] + np.arange(4)) % 16
    user, vectors = np.asarray(state["user"]), np.asarray(stored)[picked]
    cosine = np.einsum("bd,bnd->bn", user, vectors)
    scale, bias = np.asarray(model.scale), np.asarray(model.bias)
    for place, scores in enumerate(model.score(state, items).values()):
        expected = scale[place] * cosine + bias[place]
        np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)


def test_items_reach_the_user_vector_in_no_way():
    model = made("TwoTower")
    state = model.encode_user(X)
    other = {**X, **{name: v[::-1] for name, v in part(X, ["item"]).items()}}
    np.testing.assert_array_equal(model.encode_user(other)["user"], state["user"])


def test_cosine_is_scaled_by_five_at_first():
    model = models.TwoTower(made("TwoTower").schema, dim=4)
    model.build()
    np.testing.assert_array_equal(model.scale, [5.0, 5.0])
    np.testing.assert_array_equal(model.bias, [0.0, 0.0])
