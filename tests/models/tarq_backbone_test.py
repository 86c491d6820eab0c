"""Tests of the two towers of TARQ."""

import numpy as np

from tests.models.data import USER_ROLES, made, part, rows

X, _, _ = rows(10)


def test_user_vector_is_the_tower_of_fields_and_of_the_attended_history():
    model = made("TARQ")
    backbone, known = model.backbone, part(X, USER_ROLES)
    user = backbone.user(known)
    fields = model.embeddings(known)
    parts = []
    for sequence in model.schema.sequences:
        names = [
            column.name
            for column in model.schema.encoded_columns(["sequence"])
            if column.sequence is sequence and column.name in fields
        ]
        joined = np.concatenate([fields[name] for name in names], axis=-1)
        parts.append(np.asarray(backbone.projections[sequence.name](joined)))
    events = np.concatenate(parts, axis=1)
    mask = np.concatenate(
        [X[f"{name}_item_id"] != 0 for name in ("history", "history_long")], axis=1
    )
    np.testing.assert_allclose(user.events, events, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(user.mask, mask)
    own = backbone.self_attention(events, events, events_mask=mask)
    history = events + np.asarray(own)
    np.testing.assert_allclose(user.history, history, rtol=1e-4, atol=1e-5)
    flat = np.asarray(user.fields)
    pooled = backbone.user_attention(flat[:, None], history, events_mask=mask)
    joined = np.concatenate([flat, np.asarray(pooled)[:, 0]], axis=-1)
    vector = np.asarray(backbone.user_tower(joined))
    vector = vector / np.linalg.norm(vector, axis=-1, keepdims=True)
    np.testing.assert_allclose(user.vector, vector, rtol=1e-4, atol=1e-5)


def test_vectors_have_length_one():
    model = made("TARQ")
    vectors = model.encode_items(part(X, ["item"]))["vector"]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, rtol=1e-5)
