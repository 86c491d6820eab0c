"""Tests of `tfctr.models.baselines.sequential`, on every model that builds on it."""

import numpy as np
import pytest

from tests.features.shop import small_schema
from tests.models.baselines.histories import area_after_training, last_event
from tests.models.data import USER_ROLES, candidates, made, part, rows
from tfctr import models
from tfctr.errors import InputError
from tfctr.features import Categorical, Sequence
from tfctr.models.baselines.sequential import SequentialModel

X, _, _ = rows(10)
NAMES = [n for n in models.names() if issubclass(models.get(n), SequentialModel)]
every_model = pytest.mark.parametrize("name", NAMES)


def longer(x, schema, steps=3):
    padded = dict(x)
    for column in schema.encoded_columns(["sequence"]):
        value = x[column.name]
        missing = -1 if value.dtype == np.int64 else 0
        padding = np.full((len(value), steps, *value.shape[2:]), missing, value.dtype)
        padded[column.name] = np.concatenate([value, padding], axis=1)
    return padded


def test_there_are_such_models():
    assert "DIEN" in NAMES


@every_model
def test_schema_without_history_is_refused(name):
    schema = small_schema().with_sizes({"user_id": 5, "item_id": 9})
    with pytest.raises(InputError, match="`sequences`: received none"):
        models.get(name)(schema)


@every_model
def test_history_that_shares_nothing_with_the_item_is_refused(name):
    schema = small_schema(sequences=[Sequence("history", (Categorical("query"),))])
    with pytest.raises(InputError, match=r"`history`: .*query.*of \['item_id'\]"):
        models.get(name)(schema.with_sizes({"user_id": 5, "item_id": 9, "query": 3}))


@every_model
def test_longer_padding_and_what_is_in_it_change_nothing(name):
    model = made(name)
    padded = longer(X, model.schema)
    garbage = {**padded, "history_price": padded["history_price"].copy()}
    garbage["history_price"][padded["history_item_id"] == 0] = 1e3
    for x in (padded, garbage):
        np.testing.assert_allclose(model(x)["click"], model(X)["click"], atol=1e-5)


@every_model
def test_order_of_the_history_matters(name):
    model, turned = made(name), dict(X)
    for column in model.schema.encoded_columns(["sequence"]):
        turned[column.name] = X[column.name][:, ::-1]
    several = (X["history_item_id"] != 0).sum(axis=1) > 1
    change = np.abs(model(turned)["click"] - model(X)["click"])
    assert np.median(change[several]) > 1e-3


@every_model
def test_user_without_any_event_is_scored_by_the_rest(name):
    model, empty = made(name), dict(X)
    for column in model.schema.encoded_columns(["sequence"]):
        empty[column.name] = np.zeros_like(X[column.name])
    logits = model(empty)["click"]
    assert np.isfinite(logits).all()
    # What stands in places without events plays no part.
    empty["history_price"] = X["history_price"] + 1
    np.testing.assert_array_equal(model(empty)["click"], logits)


@every_model
def test_history_is_encoded_without_the_candidates(name):
    model = made(name)
    state = model.encode_user(part(X, USER_ROLES))
    assert {key.split("/")[0] for key in state} == {"user", "history", "history_long"}
    # One row a request, whatever is scored later.
    assert {len(value) for value in state.values()} == {10}
    assert model.score(state, candidates(X, 3))["click"].shape == (10, 3)


def test_events_are_shared_features_plus_the_projection_of_the_others():
    model, seen = made("DIEN"), {}

    def encode_history(sequence, events, *_):
        seen[sequence] = events
        return {}

    model.encode_history = encode_history
    model.encode_user(part(X, USER_ROLES))
    fields = model.embeddings(X)
    shared = ["item_id", "category", "price", "picture"]
    others = ["history_action", "history_time_month"]
    events = np.concatenate([fields[f"history_{name}"] for name in shared], axis=-1)
    rest = np.concatenate([fields[name] for name in others], axis=-1)
    expected = events + rest @ np.asarray(model.projections["history"].kernel)
    np.testing.assert_allclose(seen["history"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(seen["history_long"], fields["history_long_item_id"])
    assert set(model.projections) == {"history"}


def test_base_says_what_a_model_has_to_write():
    model = SequentialModel(made("DIEN").schema)
    with pytest.raises(NotImplementedError, match="SequentialModel does not write"):
        model.encode_history("history", None, None, {}, False)
    with pytest.raises(NotImplementedError, match="SequentialModel does not write"):
        model.interests("history", {}, None)


@pytest.mark.slow
@every_model
def test_learns_what_only_the_order_of_events_tells(name):
    # SLi-Rec averages states, so that the last one comes out later than in the others.
    assert area_after_training(name, last_event) > (0.7 if name == "SLiRec" else 0.95)


@pytest.mark.slow
def test_order_is_all_that_there_is_to_learn():
    # DIN sees the same four events in every row.
    assert 0.44 < area_after_training("DIN", last_event) < 0.56
