"""Tests of `tfctr.models.COLD`."""

import numpy as np
import pytest

from tests.models.data import SIZED, USER_ROLES, made, part, rows
from tfctr.errors import InputError, UnknownName
from tfctr.models import COLD

X, _, _ = rows(16)


def side(model, name, fields, names):
    """Gates and first layer of a side, in numpy."""
    stacked = np.stack([fields[n] for n in names], axis=1)
    flat = stacked.reshape(len(stacked), -1)
    gate, first = model.gates[name], model.first[name]
    weights = 1 / (
        1 + np.exp(-(flat @ np.asarray(gate.kernel) + np.asarray(gate.bias)))
    )
    gated = (stacked * weights[:, :, None]).reshape(len(stacked), -1)
    bias = np.asarray(first.bias) if first.use_bias else 0.0
    return gated @ np.asarray(first.kernel) + bias, weights


def test_logit_is_an_mlp_on_gated_fields():
    model = made("COLD")
    names = model.embeddings.fields()
    fields = dict(zip(names, np.moveaxis(model.embeddings(X), 1, 0), strict=True))
    user, _ = side(model, "user", fields, model.embeddings.fields(USER_ROLES))
    item, _ = side(model, "item", fields, model.embeddings.fields(["item"]))
    hidden = np.maximum(user + item, 0)
    for place, dense in enumerate(model.mlp.dense_layers):
        hidden = hidden @ np.asarray(dense.kernel) + np.asarray(dense.bias)
        if place < len(model.mlp.dense_layers) - 1:
            hidden = np.maximum(hidden, 0)
    for place, logits in enumerate(model(X).values()):
        np.testing.assert_allclose(logits, hidden[:, place], rtol=1e-4, atol=1e-4)


def test_field_weights_are_mean_gates_the_largest_first():
    model = made("COLD")
    names = model.embeddings.fields()
    fields = dict(zip(names, np.moveaxis(model.embeddings(X), 1, 0), strict=True))
    found = model.field_weights(X)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert found.keys() == set(names)
    for name, roles in (("user", USER_ROLES), ("item", ["item"])):
        of = model.embeddings.fields(roles)
        _, weights = side(model, name, fields, of)
        for field, expected in zip(of, weights.mean(axis=0), strict=True):
            assert found[field] == pytest.approx(expected, rel=1e-4)


def test_fields_that_are_left_out_have_no_say():
    model = made("COLD", fields=["user_id", "item_id", "price"])
    other = {**X, "age": X["age"] + 1, "category": X["category"] * 0}
    np.testing.assert_array_equal(model(other)["click"], model(X)["click"])
    changed = model({**X, "price": X["price"] + 1})["click"]
    assert np.abs(changed - model(X)["click"]).max() > 1e-4
    assert model.field_weights(X).keys() == {"user_id", "item_id", "price"}


def test_what_is_stored_is_the_items_part_of_the_first_layer():
    model = made("COLD")
    assert model.encode_items(part(X, ["item"]))["vector"].shape == (16, 8)


def test_fields_that_do_not_exist_or_do_not_suffice_are_refused():
    with pytest.raises(UnknownName, match="Did you mean 'price'"):
        COLD(SIZED, fields=["user_id", "prize"])
    with pytest.raises(InputError, match="a field of the item"):
        COLD(SIZED, fields=["user_id"])
    with pytest.raises(InputError, match="hidden_units"):
        COLD(SIZED, hidden_units=())
