"""Tests of `tfctr.models.LSTMPlusPlus`."""

import numpy as np

from tests.layers.sequence.event_gru_test import sigmoid
from tests.layers.sequence.event_lstm_test import unrolled
from tests.models.baselines.histories import SCHEMA
from tests.models.baselines.time_lstm_test import seconds_since
from tests.models.data import USER_ROLES, made, part
from tfctr.testing import make_batch

X, _ = make_batch(SCHEMA, 8)
MASK = X["history_item_id"] != 0
LENGTHS = MASK.sum(axis=1)


def made_up(model):
    """Short-term interest and long-term taste of each row, by hand."""
    events = model.embeddings(X)["history_item_id"].numpy()
    weights = model.recurrences["history"].get_weights()
    kernel, query, bias = model.poolings["history"].get_weights()
    short, long = np.zeros((2, 8, 4))
    for row, length in enumerate(LENGTHS):
        own = events[row, :length]
        if length:
            short[row] = unrolled(own, *weights)[-1]
            scores = np.exp(np.tanh(own @ kernel + bias) @ query)
            long[row] = (scores / scores.sum() * own).sum(axis=0)
    return short, long


def test_logits_follow_the_equations():
    model = made("LSTMPlusPlus", SCHEMA)
    fields = {n: v.numpy() for n, v in model.embeddings(X).items()}
    short, long = made_up(model)
    last = np.where(MASK, X["history_time"], -1).max(axis=1)
    since = [[seconds_since(a, b)] for a, b in zip(last, X["time"], strict=True)]
    candidate = fields["item_id"]
    kernel, bias, to_balance, shift = model.gates["history"].get_weights()
    seen = np.concatenate([long, short, candidate, since], axis=1)
    balance = sigmoid(np.maximum(seen @ kernel + bias, 0) @ to_balance + shift)
    interest = balance * long + (1 - balance) * short
    parts = [fields["user_id"], candidate, interest, interest * candidate]
    hidden = model.mlp(np.concatenate(parts, axis=1).astype("float32"))
    expected = model.output_layer(hidden)[:, 0]
    np.testing.assert_allclose(model(X)["click"], expected, rtol=1e-3, atol=1e-5)


def test_state_is_what_the_history_gives():
    model = made("LSTMPlusPlus", SCHEMA)
    state = model.encode_user(part(X, USER_ROLES, SCHEMA))
    short, long = made_up(model)
    for name, expected in (("short_term", short), ("long_term", long)):
        np.testing.assert_allclose(
            state[f"history/{name}"], expected, rtol=1e-4, atol=1e-5
        )
