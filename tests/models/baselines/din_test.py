"""Tests of `tfctr.models.DIN`."""

import keras
import numpy as np
import pytest

from tests.features.shop import small_schema
from tests.models.data import USER_ROLES, candidates, made, part, rows
from tfctr import models
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, Numeric, Sequence, Timestamp
from tfctr.testing import make_batch

X, _, _ = rows(10)
SIZES = {"user_id": 5, "item_id": 9}


def history(*others, name="history", marker="item_id"):
    return Sequence(name, (Categorical(marker), *others), max_length=4)


def din(schema, **kwargs):
    options = {"dim": 3, "hidden_units": (4,), "attention_units": (4,)}
    return models.DIN(schema, **{**options, **kwargs})


def test_schema_without_history_is_refused():
    with pytest.raises(InputError, match="`sequences`: received none"):
        din(small_schema().with_sizes(SIZES))


def test_history_that_shares_nothing_with_the_item_is_refused():
    schema = small_schema(sequences=[history(marker="query")])
    with pytest.raises(InputError, match=r"`history`: .*query.*of \['item_id'\]"):
        din(schema.with_sizes({**SIZES, "query": 3}))


def test_time_that_events_and_items_have_is_not_compared():
    schema = small_schema(
        item=[Categorical("item_id"), Timestamp("released", calendar=("month",))],
        sequences=[history(Timestamp("released", calendar=("month",)))],
    ).with_sizes(SIZES)
    x, _ = make_batch(schema, 4)
    assert np.isfinite(din(schema)(x)["click"]).all()


def test_unknown_normalization_is_refused():
    schema = small_schema(sequences=[history()]).with_sizes(SIZES)
    with pytest.raises(UnknownName, match="Did you mean 'softmax'"):
        din(schema, normalization="softmx")


def test_events_are_shared_features_plus_the_projection_of_the_others():
    model = made("DIN")
    fields = model.embeddings(X)
    shared = ["item_id", "category", "price", "picture"]
    others = ["history_action", "history_time_month"]
    events = np.concatenate([fields[f"history_{name}"] for name in shared], axis=-1)
    rest = np.concatenate([fields[name] for name in others], axis=-1)
    expected = events + rest @ np.asarray(model.projections["history"].kernel)
    state = model.encode_user(part(X, USER_ROLES))
    np.testing.assert_allclose(state["history_events"], expected, rtol=1e-4, atol=1e-5)
    # The other history has the item's id and nothing else: nothing is projected.
    np.testing.assert_array_equal(
        state["history_long_events"], fields["history_long_item_id"]
    )
    assert set(model.projections) == {"history"}


def test_mask_is_where_events_are_real():
    state = made("DIN").encode_user(part(X, USER_ROLES))
    np.testing.assert_array_equal(state["history_mask"], X["history_item_id"] != 0)


def test_mlp_sees_user_item_interest_and_their_product():
    model, items = made("DIN"), candidates(X, 3)
    state = model.encode_user(part(X, USER_ROLES))
    fields = {
        name: np.asarray(value) for name, value in model.embeddings(items).items()
    }
    parts = [np.repeat(np.asarray(state["user"])[:, None], 3, axis=1)]
    order = model.embeddings.stacked_fields(["item"])
    assert sorted(order) == ["brand", "category", "item_id", "picture", "price"]
    parts += [fields[name] for name in order]
    for name, shared in (
        ("history", ["item_id", "category", "price", "picture"]),
        ("history_long", ["item_id"]),
    ):
        candidate = np.concatenate([fields[n] for n in shared], axis=-1)
        interest = np.asarray(
            model.attentions[name](
                candidate,
                state[f"{name}_events"],
                events_mask=state[f"{name}_mask"],
            )
        )
        parts += [interest, interest * candidate]
    hidden = model.mlp(np.concatenate(parts, axis=-1))
    expected = np.asarray(model.output_layer(hidden))
    for place, scores in enumerate(model.score(state, items).values()):
        np.testing.assert_allclose(scores, expected[..., place], rtol=1e-4, atol=1e-5)


def test_order_and_padding_of_the_history_do_not_matter():
    model, turned = made("DIN"), dict(X)
    for column in model.schema.encoded_columns(["sequence"]):
        turned[column.name] = X[column.name][:, ::-1]
    np.testing.assert_allclose(model(turned)["click"], model(X)["click"], atol=2e-5)


def test_longer_padding_changes_nothing():
    model, padded = made("DIN"), dict(X)
    for column in model.schema.encoded_columns(["sequence"]):
        value = X[column.name]
        padding = np.zeros((10, 3, *value.shape[2:]), value.dtype)
        padded[column.name] = np.concatenate([value, padding], axis=1)
    np.testing.assert_allclose(model(padded)["click"], model(X)["click"], atol=1e-5)


def test_model_of_the_item_id_alone_comes_back_from_its_file(tmp_path):
    # No event feature is projected, and no layer is left without weights.
    schema = small_schema(sequences=[history()]).with_sizes(SIZES)
    x, _ = make_batch(schema, 6)
    model = din(schema, normalization="softmax")
    expected = model(x)["click"]
    model.save(tmp_path / "din.keras")
    loaded = keras.saving.load_model(tmp_path / "din.keras")
    np.testing.assert_array_equal(loaded(x)["click"], expected)
    assert loaded.normalization == "softmax"


def test_history_matters_through_what_it_shares_with_the_item():
    schema = small_schema(sequences=[history(Numeric("price"))]).with_sizes(SIZES)
    x, _ = make_batch(schema, 6, seed=3)
    model = din(schema)
    model.build()
    emptied = {**x, "history_item_id": np.zeros_like(x["history_item_id"])}
    real = (x["history_item_id"] != 0).any(axis=1)
    change = np.abs(model(x)["click"] - model(emptied)["click"])
    assert 0 < real.sum() < 6
    assert change[real].min() > 0
    assert change[~real].max() == 0
