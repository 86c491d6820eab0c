"""Tests of `tfctr.models.SLiRec`."""

import numpy as np

from tests.layers.sequence.event_gru_test import sigmoid
from tests.models.baselines.histories import SCHEMA
from tests.models.baselines.time_lstm_test import seconds_since
from tests.models.data import USER_ROLES, made, part
from tfctr.testing import make_batch

X, _ = make_batch(SCHEMA, 8)
MASK = X["history_item_id"] != 0
LENGTHS = MASK.sum(axis=1)


def test_state_is_what_the_history_gives():
    model = made("SLiRec", SCHEMA)
    state = model.encode_user(part(X, USER_ROLES, SCHEMA))
    events = model.embeddings(X)["history_item_id"].numpy()
    for row, length in enumerate(LENGTHS):
        times, now = X["history_time"][row, :length], X["time"][row]
        before = np.concatenate([[-1], times[:-1]])[:length]
        intervals = [seconds_since(*p) for p in zip(before, times, strict=True)]
        ages = [seconds_since(t, now) for t in times]
        since_last = seconds_since(max(times, default=-1), now)
        np.testing.assert_allclose(state["history/since_last"][row], since_last, 1e-5)
        if not length:
            np.testing.assert_array_equal(state["history/long_term"][row], np.zeros(4))
            continue
        own = events[[row], :length]
        alone = model.recurrences["history"](
            own, np.array([intervals], "float32"), np.array([ages], "float32")
        )
        states = state["history/states"][row, :length]
        np.testing.assert_allclose(states, alone[0], rtol=1e-4, atol=1e-5)
        pooled = model.poolings["history"](own)[0]
        long_term = state["history/long_term"][row]
        np.testing.assert_allclose(long_term, pooled, rtol=1e-4, atol=1e-5)


def test_logits_balance_what_the_candidate_attends_to_and_the_taste():
    model = made("SLiRec", SCHEMA)
    state = model.encode_user(part(X, USER_ROLES, SCHEMA))
    fields = {n: v.numpy() for n, v in model.embeddings(X).items()}
    candidate = fields["item_id"]
    short = model.attentions["history"](
        candidate[:, None], state["history/states"], events_mask=MASK
    )[:, 0].numpy()
    long = state["history/long_term"].numpy()
    kernel, bias, to_balance, shift = model.gates["history"].get_weights()
    seen = [long, short, candidate, state["history/since_last"].numpy()]
    hidden = np.maximum(np.concatenate(seen, axis=1) @ kernel + bias, 0)
    balance = sigmoid(hidden @ to_balance + shift)
    interest = balance * long + (1 - balance) * short
    parts = [fields["user_id"], candidate, interest, interest * candidate]
    hidden = model.mlp(np.concatenate(parts, axis=1).astype("float32"))
    expected = model.output_layer(hidden)[:, 0]
    np.testing.assert_allclose(model(X)["click"], expected, rtol=1e-3, atol=1e-5)
