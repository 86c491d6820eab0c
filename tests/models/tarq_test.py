"""Tests of `tfctr.models.TARQ`: what it is made of, and how it is served."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import (
    SIZED,
    USER_ROLES,
    candidates,
    made,
    pairs,
    part,
    rows,
)
from tfctr.errors import InputError, UnknownName
from tfctr.layers import EventAttention
from tfctr.models import TARQ
from tfctr.saving import serializable

X, Y, WEIGHTS = rows(12)
USER, ITEMS = part(X, USER_ROLES), candidates(X, 5)
LEVELS, CODES = 2, 3  # of the small model


@pytest.fixture(scope="module")
def model():
    return made("TARQ")


def by_rows(values, count):
    """What is stored of the candidates of `candidates`."""
    picked = (np.arange(12)[:, None] + np.arange(count)) % 12
    return {name: np.asarray(value)[picked] for name, value in values.items()}


# Offline and online ----------------------------------------------------------------


def test_look_ups_give_what_the_training_graph_gives(model):
    """T4: of all candidates, for codes and tables as they are exported."""
    stored = by_rows(model.encode_items(part(X, ["item"])), 5)
    state = {n: np.asarray(v) for n, v in model.encode_user(USER).items()}
    found = model.score_stored(state, stored)
    trained = model({**USER, **ITEMS}, training=True)
    pointwise = model(pairs(X, ITEMS))
    for label in ("click", "buy"):
        assert found[label].shape == (12, 5)
        np.testing.assert_allclose(found[label], trained[label], atol=1e-5)
        flat = np.reshape(found[label], -1)
        np.testing.assert_allclose(flat, pointwise[label], atol=1e-5)


def test_codes_of_another_item_score_otherwise(model):
    """The control of T4."""
    stored = by_rows(model.encode_items(part(X, ["item"])), 5)
    state = model.encode_user(USER)
    expected = model.score_stored(state, stored)["click"]
    stored["codes"] = (stored["codes"] + 1) % CODES
    found = model.score_stored(state, stored)["click"]
    assert np.abs(np.asarray(found) - expected).max() > 1e-3


def test_scores_do_not_depend_on_other_candidates(model):
    """T5: permuted, dropped and repeated."""
    state = model.encode_user(USER)
    expected = np.asarray(model.score(state, ITEMS)["click"])
    for picked in ([4, 2, 0, 1, 3], [1], [3, 3, 0, 3]):
        some = {name: value[:, picked] for name, value in ITEMS.items()}
        found = model.score(state, some)["click"]
        np.testing.assert_allclose(found, expected[:, picked], atol=1e-6)


@pytest.fixture
def query_rows(monkeypatch):
    """Counts the query rows of each attention, by its name."""
    counts = {}
    attend = EventAttention.attend

    def counting(self, queries, events, events_mask):
        counts[self.name] = counts.get(self.name, 0) + queries.shape[1]
        return attend(self, queries, events, events_mask)

    monkeypatch.setattr(EventAttention, "attend", counting)
    return counts


@pytest.mark.parametrize("count", [1, 10, 10_000])
def test_a_request_costs_as_many_queries_as_there_are_codewords(count, query_rows):
    """T6: `L x K` codewords, and of the user's side the events and one query."""
    model = made("TARQ")
    query_rows.clear()
    one = {name: value[:1] for name, value in USER.items()}
    some = {n: np.repeat(v[:1, :1], count, axis=1) for n, v in ITEMS.items()}
    scores = model.score(model.encode_user(one), some)
    assert scores["click"].shape == (1, count)
    events = query_rows.pop("self_attention")
    assert events <= X["history_item_id"].shape[1] + X["history_long_item_id"].shape[1]
    assert query_rows == {"codebook_attention": LEVELS * CODES, "user_attention": 1}


def test_the_teacher_costs_a_query_for_each_candidate(query_rows):
    """The control of T6."""
    model = made("TARQ")
    query_rows.clear()
    model.score_teacher({**USER, **ITEMS})
    assert query_rows["attention"] == 5


def test_a_pair_costs_a_query_for_each_level(query_rows):
    model = made("TARQ")
    query_rows.clear()
    model(X)
    assert query_rows["codebook_attention"] == LEVELS


def test_padded_events_do_not_count(model):
    """T18: longer histories of missing events."""
    longer = dict(USER)
    for column in SIZED.encoded_columns(["sequence"]):
        missing = -1 if column.dtype == "int64" else 0
        widths = [(0, 0), (0, 3)] + [(0, 0)] * (longer[column.name].ndim - 2)
        longer[column.name] = np.pad(
            longer[column.name], widths, constant_values=missing
        )
    expected = model.score(model.encode_user(USER), ITEMS)["click"]
    found = model.score(model.encode_user(longer), ITEMS)["click"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_saved_model_has_the_same_codes_and_scores(model, tmp_path):
    """T19: codes bit by bit, as small integers."""
    model.save(tmp_path / "tarq.keras")
    loaded = keras.models.load_model(tmp_path / "tarq.keras")
    ours, theirs = (m.encode_items(part(X, ["item"])) for m in (model, loaded))
    assert theirs["codes"].dtype == tf.uint8
    np.testing.assert_array_equal(ours["codes"], theirs["codes"])
    np.testing.assert_array_equal(ours["vector"], theirs["vector"])
    expected = model.score(model.encode_user(USER), ITEMS)["click"]
    found = loaded.score(loaded.encode_user(USER), ITEMS)["click"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("codes", "dtype"), [(256, "uint8"), (257, "uint16"), (65_537, "uint32")]
)
def test_codes_are_the_smallest_integers_that_hold_them(codes, dtype):
    settings = {"num_levels": 1, "num_codes": codes, "code_dim": 1}
    stored = made("TARQ", settings=settings).encode_items(part(X, ["item"]))
    assert stored["codes"].dtype == dtype


# Losses ----------------------------------------------------------------------------


def gradients_of(model, *names):
    """Gradients of parts of the loss, by the path of each weight."""
    with tf.GradientTape() as tape:
        outputs = model({**USER, **ITEMS}, training=True)
        loss = sum(tf.reduce_sum(outputs[f"training/{name}"]) for name in names)
    weights = model.trainable_variables
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    return {
        weight.path: 0.0 if g is None else np.abs(tf.convert_to_tensor(g)).max()
        for weight, g in zip(weights, gradients, strict=True)
    }


def test_distillation_trains_the_student_and_not_the_teacher(model):
    """T10: exact zeros for all of the teacher's own weights."""
    found = gradients_of(model, "alignment", "distillation")
    teacher = [path for path in found if "/teacher/" in path]
    assert teacher
    assert all(found[path] == 0 for path in teacher)
    for part_of_student in ("/codebooks", "/encoder/", "/codebook_attention/"):
        own = [value for path, value in found.items() if part_of_student in path]
        assert min(own) > 0, part_of_student


def test_the_teacher_learns_from_labels(model):
    """The control of T10."""
    found = gradients_of(model, "teacher")
    own = [value for path, value in found.items() if "/teacher/" in path]
    assert min(own) > 0
    assert not [v for path, v in found.items() if "/autoencoder/" in path and v]


# What a user may say ---------------------------------------------------------------


@serializable
class ScaledSum(keras.layers.Layer):
    """A head of a user's own: it has neither `project` nor `combine`."""

    def build(self, interests_shape, items_shape, users_shape):
        self.kernel = self.add_weight(shape=(interests_shape[-1], 2), name="kernel")

    def call(self, interests, items, users):
        cosine = keras.ops.matmul(items, keras.ops.expand_dims(users, -1))
        return keras.ops.matmul(interests, self.kernel) + cosine


@pytest.mark.parametrize("head", ["additive", "interest", "tower", ScaledSum()])
def test_each_head_scores_stored_items_as_pairs(head, tmp_path):
    model = made("TARQ", head=head)
    stored = by_rows(model.encode_items(part(X, ["item"])), 5)
    found = model.score_stored(model.encode_user(USER), stored)["click"]
    expected = model(pairs(X, ITEMS))["click"]
    np.testing.assert_allclose(np.reshape(found, -1), expected, atol=1e-5)
    model.save(tmp_path / "tarq.keras")
    loaded = keras.models.load_model(tmp_path / "tarq.keras")
    assert type(loaded.head) is type(model.head)
    np.testing.assert_allclose(loaded(X)["click"], model(X)["click"], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"head": "towers"}, "`head`.*Did you mean 'tower'"),
        ({"variant": "wo-align"}, "`variant`.*Did you mean 'wo-alignment'"),
        ({"settings": {"num_code": 9}}, "`settings`.*Did you mean 'num_codes'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(arguments, text):
    with pytest.raises(UnknownName, match=text):
        TARQ(SIZED, **arguments)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"head": 3}, "`head`: received int, expected a name or a Keras layer"),
        ({"settings": {"num_codes": 1}}, "`num_codes`: received 1, .* from 2"),
        ({"settings": {"num_levels": 0}}, "`num_levels`: received 0, .* from 1"),
        ({"settings": {"num_heads": 3}}, "`num_heads`: received 3 heads of width 32"),
    ],
)
def test_what_cannot_be_is_refused(arguments, text):
    with pytest.raises(InputError, match=text):
        TARQ(SIZED, **arguments)


def test_a_schema_without_histories_is_refused():
    from tests.features.shop import small_schema

    with pytest.raises(InputError, match="`sequences`: received none"):
        TARQ(small_schema(sequences=[]).with_sizes({"user_id": 9, "item_id": 12}))


def test_without_distillation_there_is_no_teacher():
    model = made("TARQ", variant="wo-distillation")
    assert not [w.path for w in model.weights if "teacher" in w.path]
    with pytest.raises(InputError, match="`variant`: received wo-distillation"):
        model.score_teacher({**USER, **ITEMS})
