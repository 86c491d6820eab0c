"""Tests of `tfctr.models.StoredTargetAttention`."""

import numpy as np
import pytest

from tests.features.shop import small_schema
from tests.models.data import SIZED, USER_ROLES, candidates, made, part, rows
from tfctr.errors import InputError
from tfctr.models import StoredTargetAttention

X, _, _ = rows(5)


def dense(layer, x):
    bias = np.asarray(layer.bias) if layer.use_bias else 0.0
    return x @ np.asarray(layer.kernel) + bias


def attend(layer, queries, events, mask):
    """Multi-head attention of one request, head by head."""
    width, parts = layer.dim // layer.num_heads, []
    for head in range(layer.num_heads):
        columns = slice(head * width, (head + 1) * width)
        q, k, v = (
            rows @ np.asarray(kernel)[:, columns]
            for rows, kernel in (
                (queries, layer.query_kernel),
                (events[mask], layer.key_kernel),
                (events[mask], layer.value_kernel),
            )
        )
        scores = q @ k.T / np.sqrt(width)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-99))
        total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-30)
        parts.append(weights / total @ v)
    return np.concatenate(parts, axis=1) @ np.asarray(layer.output_kernel)


def test_each_candidate_attends_to_the_history():
    model, items = made("StoredTargetAttention"), candidates(X, 3)
    state = model.encode_user(part(X, USER_ROLES))
    vectors = np.asarray(model.encode_items(items)["vector"])
    found = model.score(state, items)["click"]
    for row in range(5):
        history, mask = (np.asarray(state[name][row]) for name in ("history", "mask"))
        interests = attend(model.attention, vectors[row], history, mask)
        pairs = [interests, vectors[row], interests * vectors[row]]
        hidden = dense(model.first_pair, np.concatenate(pairs, axis=1))
        hidden = np.maximum(hidden + np.asarray(state["user"][row]), 0)
        for layer in model.mlp.dense_layers[:-1]:
            hidden = np.maximum(dense(layer, hidden), 0)
        logits = dense(model.mlp.dense_layers[-1], hidden)[:, 0]
        np.testing.assert_allclose(found[row], logits, rtol=1e-4, atol=1e-4)


def test_events_attend_to_each_other_before():
    model = made("StoredTargetAttention")
    known = part(X, USER_ROLES)
    _, by_name = model.embeddings.stacked(known)
    state = model.encode_user(known)
    for row in range(5):
        parts, masks = [], []
        for sequence in SIZED.sequences:
            columns = [
                np.asarray(by_name[c.name][row])
                for c in SIZED.encoded_columns(["sequence"])
                if c.sequence == sequence and c.name in by_name
            ]
            layer = model.projections[sequence.name]
            parts.append(dense(layer, np.concatenate(columns, axis=1)))
            masks.append(np.asarray(model.embeddings.mask(sequence.name, known)[row]))
        events, mask = np.concatenate(parts), np.concatenate(masks)
        expected = events + attend(model.self_attention, events, events, mask)
        np.testing.assert_allclose(
            state["history"][row][mask], expected[mask], rtol=1e-4, atol=1e-4
        )


def test_what_is_stored_is_the_items_embedding():
    model = made("StoredTargetAttention")
    assert model.encode_items(part(X, ["item"]))["vector"].shape == (5, 6)


def test_sizes_that_make_no_model_are_refused():
    plain = small_schema().with_sizes({"user_id": 3, "item_id": 3})
    with pytest.raises(InputError, match="sequences"):
        StoredTargetAttention(plain)
    with pytest.raises(InputError, match="hidden_units"):
        StoredTargetAttention(SIZED, hidden_units=())
