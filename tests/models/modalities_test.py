"""Tests of `tfctr.models.modalities`."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import SIZED
from tfctr import kernels
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, FeatureSchema, Label, Sequence, Vector
from tfctr.layers import ModalProjection, ModalTable, TargetAttention
from tfctr.layers.sequence.events import RealEvents
from tfctr.models.modalities import (
    attended,
    history_of,
    modalities_of,
    pooled,
    projected,
    vectors_of,
    without_modalities,
)


def test_the_first_history_of_items_is_taken_unless_one_is_named():
    assert history_of(SIZED).name == "history"
    assert history_of(SIZED, "history_long").name == "history_long"
    with pytest.raises(UnknownName, match="Did you mean 'history_long'"):
        history_of(SIZED, "history_lon")


@pytest.mark.parametrize(
    ("history", "tables", "chosen", "expected"),
    [
        ("history", {}, None, ["picture"]),
        ("history", {"text": 3}, None, ["picture", "text"]),
        ("history", {"text": 3}, ["text", "picture"], ["text", "picture"]),
        ("history", {}, (), []),
        ("history_long", {}, None, []),
    ],
)
def test_modalities_are_vectors_of_both_and_tables(history, tables, chosen, expected):
    found = modalities_of(SIZED, history_of(SIZED, history), tables, chosen)
    assert found == expected


def test_vectors_of_items_and_events_have_one_width():
    item_id = Categorical("item_id")
    other = Sequence("history", (item_id, Vector("picture", dim=4)), max_length=5)
    schema = FeatureSchema(
        user=(Categorical("user_id"),),
        item=(item_id, Vector("picture", dim=3)),
        sequences=(other,),
        labels=(Label("click"),),
        user_id="user_id",
        item_id="item_id",
    )
    with pytest.raises(InputError, match=r"`history_picture`: received width 4.*3, "):
        vectors_of(schema, other)
    with pytest.raises(InputError, match="`history_picture`"):
        modalities_of(schema, other, {}, ())


def test_names_are_refused_that_are_none_or_two():
    history = history_of(SIZED)
    with pytest.raises(UnknownName, match="Did you mean 'picture'"):
        modalities_of(SIZED, history, {}, ["pictures"])
    with pytest.raises(InputError, match="`modalities`: received"):
        modalities_of(SIZED, history, {}, ["picture", "picture"])
    with pytest.raises(InputError, match="`tables`: received picture"):
        modalities_of(SIZED, history, {"picture": 3}, None)


def test_the_schema_is_left_without_them():
    schema = without_modalities(SIZED, history_of(SIZED), ["picture"])
    gone = {c.name for c in SIZED.encoded_columns()} - {
        c.name for c in schema.encoded_columns()
    }
    assert gone == {"picture", "history_picture"}


def test_one_attention_sees_all_modalities_side_by_side():
    """The events' weights are those of the modalities together, in numpy."""
    rng = np.random.default_rng(0)
    candidates = [rng.normal(size=(2, 3, 4)).astype("float32") for _ in range(2)]
    events = rng.normal(size=(2, 5, 8)).astype("float32")
    mask = np.array([[True] * 5, [True] * 3 + [False] * 2])
    attention = TargetAttention(hidden_units=(6,), normalization="softmax", seed=1)
    found = attended([attention], candidates, events, mask)
    whole = attention(np.concatenate(candidates, -1), events, events_mask=mask)
    np.testing.assert_allclose(np.concatenate(found, -1), whole, atol=1e-6)
    other = [candidates[0], candidates[1] + 1]
    assert np.abs(attended([attention], other, events, mask)[0] - found[0]).max() > 0.01
    pair = [TargetAttention(hidden_units=(6,), seed=k) for k in range(2)]
    one, two = (attended(pair, own, events, mask)[0] for own in (candidates, other))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("joint", [False, True])
def test_one_candidate_a_history_pools_its_real_events_alone(joint):
    rng = np.random.default_rng(0)
    candidates = [rng.normal(size=(3, 4)).astype("float32") for _ in range(2)]
    events = [rng.normal(size=(3, 5, 4)).astype("float32") for _ in range(2)]
    mask = np.array([[True] * 5, [False] * 5, [True] * 2 + [False] * 3])
    attentions = [
        TargetAttention(hidden_units=(6,), normalization="softmax", seed=k)
        for k in range(1 if joint else 2)
    ]
    wanted = attended(
        attentions, [c[:, None] for c in candidates], np.concatenate(events, -1), mask
    )
    layout = RealEvents(tf.constant(mask))
    parts = [layout.select(part) for part in events]
    found = pooled(attentions, candidates, parts, layout)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two[:, 0], atol=1e-6)
        assert not np.asarray(one)[1].any()
        assert np.abs(one).max() > 0.1


@pytest.mark.parametrize("is_xla", [False, True])
@pytest.mark.parametrize("count", [2, 40])
def test_vectors_of_a_table_are_projected_alike_in_any_order(count, is_xla):
    table = ModalTable(10, 3)
    table.load(
        np.random.default_rng(0).normal(size=(10, 3)) * (np.arange(10)[:, None] > 2)
    )
    projection = ModalProjection(4, seed=1)
    ids = np.random.default_rng(1).integers(0, 10, (count, 1))
    with kernels.xla(is_xla), tf.GradientTape() as tape:
        found = projected(table, projection, ids)
        loss = tf.reduce_sum(found**2)
    gradients = tape.gradient(loss, [w.value for w in projection.weights])
    with tf.GradientTape() as tape:
        wanted = projection(table(ids))
        loss = tf.reduce_sum(wanted**2)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    for one, two in zip(
        gradients,
        tape.gradient(loss, [w.value for w in projection.weights]),
        strict=True,
    ):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
