"""Tests of what rankers of several modalities have in common."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.features.shop import SCHEMA, shop_frame, shop_items, small_schema
from tests.models.data import SIZED, USER_ROLES, made, part, rows
from tfctr import export, optimizers
from tfctr.errors import InputError, UnknownName
from tfctr.models import DiffMSIN, ModalRanker

X, Y, _ = rows(16)
PICTURES = ("picture", "history_picture")


def test_the_rest_must_be_written():
    with pytest.raises(NotImplementedError, match="ModalRanker"):
        ModalRanker(SIZED, dim=4).fuse({})


def test_vectors_of_a_table_are_those_of_the_items():
    """The same vectors by item and in the data give the same answer."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(SIZED.size("item_id"), 3)).astype("float32")
    table[0] = np.nan  # no item
    by_table = made("DiffMSIN", tables={"looks": 3}, modalities=["looks"])
    in_data = made("DiffMSIN", modalities=["picture"])
    by_table.load_vectors("looks", table)
    pairs = zip(
        by_table.projections["looks"].weights,
        in_data.projections["picture"].weights,
        strict=True,
    )
    for ours, theirs in pairs:
        theirs.assign(ours)
    found = np.nan_to_num(table)
    x = {
        **X,
        "picture": found[X["item_id"]],
        "history_picture": found[X["history_item_id"]],
    }
    for made_of in ("events", "candidates"):
        ours, theirs = (
            _modality(m, v, made_of) for m, v in ((by_table, X), (in_data, x))
        )
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def _modality(model, x, made_of):
    state = model.encode_user(part(x, USER_ROLES))
    if made_of == "events":
        return state["events"][:, :, 1]
    items = {name: v[:, None] for name, v in part(x, ["item"]).items()}
    return model.interests(state, items)["candidates"][:, 1]


def test_modalities_are_no_fields_of_their_own():
    model = made("DiffMSIN")
    assert "picture" not in model.embeddings.fields()
    assert model.modality_names == ["id", "picture"]


def test_a_table_that_is_not_there_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'text'"):
        made("DiffMSIN", tables={"text": 3}).load_vectors("txet", np.zeros((1, 3)))
    rows_of = SIZED.size("item_id")
    with pytest.raises(InputError, match=rf"expected \({rows_of}, 3\): a row for each"):
        made("DiffMSIN", tables={"text": 3}).load_vectors("text", np.zeros((1, 3)))


def test_a_table_without_vectors_is_not_used(tmp_path):
    model = made("DiffMSIN", tables={"text": 3})
    model.compile(weighted_metrics=[])
    state = SCHEMA.fit(shop_frame(15, seed=1, items=8))
    exported = DiffMSIN(state.schema, dim=4, tables={"text": 3})
    uses = [
        lambda: model.fit(X, Y, verbose=0),
        lambda: model.evaluate(X, Y, verbose=0),
        lambda: model.predict(X),
        lambda: export.save(
            tmp_path / "shop", ranking=exported, state=state, items=shop_items(10)
        ),
    ]
    for use in uses:
        with pytest.raises(InputError, match="`table text`: received no vectors"):
            use()
    assert not (tmp_path / "shop").exists()
    model.load_vectors("text", np.ones((SIZED.size("item_id"), 3)))
    assert np.isfinite(model.predict(X)["click"]).all()


def recorded(call, seen):
    """A layer's `call` that also writes down the shape of what it is given."""

    def recording(x):
        seen.append(tuple(x.shape))
        return call(x)

    return recording


def test_a_vector_of_another_width_is_refused():
    model = made("DiffMSIN")
    for name in ("picture", "history_picture"):
        x = {**X, name: X[name][..., :2]}
        with pytest.raises(InputError, match=f"`{name}`: received vectors of width 2"):
            model(x)


@pytest.mark.parametrize("lacking", [["history_picture"], ["picture"], [*PICTURES]])
def test_a_modality_may_be_missing_in_all_of_a_batch(lacking):
    """Also an item without any modality but its id: losses and weights are finite."""
    model = made("DiffMSIN", noise=True)
    x = {**X, **{name: np.zeros_like(X[name]) for name in lacking}}
    model.compile(keras.optimizers.Adam(0.01), weighted_metrics=[], run_eagerly=True)
    history = model.fit(x, Y, batch_size=16, verbose=0).history
    assert np.isfinite([values[0] for values in history.values()]).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize("optimizer", [optimizers.LazyAdam, keras.optimizers.Adam])
def test_tables_are_trained_where_they_are_asked_to_be(optimizer):
    vectors = np.random.default_rng(0).normal(size=(SIZED.size("item_id"), 3))
    used = np.unique([*X["item_id"], *X["history_item_id"].reshape(-1)])
    missing, others = used[-1], np.setdiff1d(np.arange(len(vectors)), used)
    vectors[missing] = 0
    model = made("DiffMSIN", tables={"text": 3}, train_tables=True)
    model.load_vectors("text", vectors)
    before = np.asarray(model.vector_tables["text"].vectors)
    model.compile(optimizer(0.01), weighted_metrics=[], run_eagerly=True)
    model.fit(X, Y, batch_size=16, verbose=0)
    moved = np.abs(np.asarray(model.vector_tables["text"].vectors) - before).max(axis=1)
    assert (moved[np.setdiff1d(used, [0, missing])] > 0.005).all()
    assert moved[missing] == 0
    assert (moved[others] == 0).all()


def test_small_tables_are_projected_once():
    """The same answers and gradients as of each vector on its own."""
    found = []
    for is_once in (True, False):
        model = made("DiffMSIN", tables={"text": 3}, train_tables=True)
        model.load_vectors("text", np.eye(SIZED.size("item_id"), 3))
        table, seen = model.vector_tables["text"], []
        table.num_rows = table.num_rows if is_once else 10**9
        projection = model.projections["text"]
        projection.call = recorded(projection.call, seen)
        with tf.GradientTape() as tape:
            loss = sum(
                tf.reduce_sum(value) for value in model(X, training=True).values()
            )
        weights = [w.value for w in model.trainable_variables]
        gradients = map(tf.convert_to_tensor, tape.gradient(loss, weights))
        found.append([loss, *gradients])
        # Rows of the table, or ids of events and candidates.
        rows = {(SIZED.size("item_id"), 3)} if is_once else {(16, 4, 3), (16, 1, 3)}
        assert set(seen) == rows
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


def test_a_row_of_zeros_in_a_table_is_a_missing_vector():
    vectors = np.random.default_rng(0).normal(size=(SIZED.size("item_id"), 3))
    answers = []
    for missing in (0.0, np.nan):
        vectors[3:] = missing
        model = made("DiffMSIN", tables={"text": 3})
        model.load_vectors("text", vectors)
        answers.append(model.predict(X)["click"])
    np.testing.assert_array_equal(*answers)


def test_a_schema_without_a_history_of_items_is_refused():
    schema = small_schema().with_sizes({"user_id": 4, "item_id": 4})
    with pytest.raises(InputError, match=r"`sequences`: received .*`item_id`"):
        DiffMSIN(schema, dim=4)
