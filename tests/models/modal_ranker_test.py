"""Tests of what rankers of several modalities have in common."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.features.shop import small_schema
from tests.models.data import SIZED, USER_ROLES, made, part, rows
from tfctr import kernels
from tfctr.errors import InputError
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
        return state["events"][..., model.dim :]
    items = {name: v[:, None] for name, v in part(x, ["item"]).items()}
    return model.interests(state, items)["candidates"][:, 1]


def test_modalities_are_no_fields_of_their_own():
    model = made("DiffMSIN")
    assert "picture" not in model.embeddings.fields()
    assert model.modality_names == ["id", "picture"]


def recorded(call, seen):
    """A layer's `call` that also writes down the shape of what it is given."""

    def recording(x, **how):
        seen.append(tuple(x.shape))
        return call(x, **how)

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


def weights_and_answers(model, is_xla):
    """Outputs of a training step and its gradients."""
    with kernels.xla(is_xla), tf.GradientTape() as tape:
        outputs = model(X, training=True)
        loss = sum(tf.reduce_sum(value) for value in outputs.values())
    weights = [w.value for w in model.trainable_variables]
    gradients = map(tf.convert_to_tensor, tape.gradient(loss, weights))
    return [*outputs.values(), *gradients]


def with_table(**arguments):
    arguments = {"tables": {"text": 3}, "train_tables": True, **arguments}
    model = made("DiffMSIN", noise=False, **arguments)
    model.load_vectors("text", np.eye(SIZED.size("item_id"), 3))
    return model


@pytest.mark.parametrize("joint", [False, True])
def test_pairs_cost_their_real_events_and_are_the_same_as_requests(joint):
    """Answers and gradients are those with padding, which XLA needs."""
    model, count = with_table(joint_attention=joint), 0
    real = int((X["history_item_id"] != 0).sum())
    seen = []
    model.event_projection.call = recorded(model.event_projection.call, seen)
    with_padding = weights_and_answers(model, is_xla=True)
    assert seen.pop()[:-1] == X["history_item_id"].shape
    without = weights_and_answers(model, is_xla=False)
    assert seen.pop()[:-1] == (real,)
    assert real < X["history_item_id"].size
    for one, two in zip(with_padding, without, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)
        count += np.abs(one).max() > 1e-3
    assert count > 20  # what is compared is not all zeros


@pytest.mark.parametrize("count", [1, 16])
def test_pairs_without_any_event_are_answered_alike(count):
    model = with_table()
    empty = {
        name: np.zeros_like(v[:count]) if name.startswith("history_") else v[:count]
        for name, v in X.items()
    }
    answers = []
    for is_xla in (False, True):
        with kernels.xla(is_xla):
            answers.append(np.asarray(model(empty)["click"]))
    assert np.isfinite(answers).all()
    np.testing.assert_allclose(*answers, atol=1e-5)


def test_a_shorter_history_of_a_like_name_does_not_matter():
    model = with_table(history="history")
    short = {**X, "history_long_item_id": X["history_long_item_id"][:, :1]}
    with kernels.xla(False):
        np.testing.assert_array_equal(model(short)["click"], model(X)["click"])


def test_an_item_of_a_table_is_projected_once_however_often_it_comes():
    model, seen = with_table(), []
    projection = model.projections["text"]
    projection.call = recorded(projection.call, seen)
    weights_and_answers(model, is_xla=False)
    events = X["history_item_id"]
    sizes = [len(np.unique(ids)) for ids in (X["item_id"], events[events != 0])]
    assert seen == [(size, 3) for size in sizes]
    assert sum(sizes) < (events != 0).sum()


def test_xla_projects_all_rows_of_a_table_where_they_are_fewer():
    """The same answers and gradients as of each vector on its own."""
    found = []
    for is_once in (True, False):
        model, seen = with_table(), []
        table = model.vector_tables["text"]
        table.num_rows = table.num_rows if is_once else 10**9
        projection = model.projections["text"]
        projection.call = recorded(projection.call, seen)
        found.append(weights_and_answers(model, is_xla=True))
        # Rows of the table, or ids of events and candidates.
        rows = {(SIZED.size("item_id"), 3)} if is_once else {(16, 4, 3), (16, 1, 3)}
        assert set(seen) == rows
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


def test_a_schema_without_a_history_of_items_is_refused():
    schema = small_schema().with_sizes({"user_id": 4, "item_id": 4})
    with pytest.raises(InputError, match=r"`sequences`: received .*`item_id`"):
        DiffMSIN(schema, dim=4)
