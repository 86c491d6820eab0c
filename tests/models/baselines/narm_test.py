"""Tests of `tfctr.models.NARM`."""

import numpy as np

from tests.layers.sequence.event_gru_test import sigmoid, unrolled
from tests.models.baselines.histories import SCHEMA
from tests.models.data import made
from tfctr.testing import make_batch

X, _ = make_batch(SCHEMA, 8)
LENGTHS = (X["history_item_id"] != 0).sum(axis=1)


def test_logits_follow_the_equations():
    model = made("NARM", SCHEMA)
    fields = {n: v.numpy() for n, v in model.embeddings(X).items()}
    encoders = [
        found["history"].get_weights()
        for found in (model.global_encoders, model.local_encoders)
    ]
    by_query, by_event, to_score = model.attentions["history"].get_weights()
    decoder = np.asarray(model.decoders["history"].kernel)
    inputs = []
    for row, length in enumerate(LENGTHS):
        events = fields["history_item_id"][row, :length]
        everywhere, local = (unrolled(events, *weights) for weights in encoders)
        last = everywhere[-1] if length else np.zeros(4)
        weights = sigmoid(last @ by_query + local @ by_event) @ to_score
        both = np.concatenate([last, (weights * local).sum(axis=0)])
        interest, candidate = both @ decoder, fields["item_id"][row]
        parts = [fields["user_id"][row], candidate, interest, interest * candidate]
        inputs.append(np.concatenate(parts))
    hidden = model.mlp(np.array(inputs, "float32"))
    expected = model.output_layer(hidden)[:, 0]
    np.testing.assert_allclose(model(X)["click"], expected, rtol=1e-3, atol=1e-5)


def test_both_encoders_start_elsewhere():
    model = type(made("NARM", SCHEMA))(SCHEMA, dim=3)
    model.build()
    one, other = (
        np.asarray(found["history"].kernel)
        for found in (model.global_encoders, model.local_encoders)
    )
    assert np.abs(one - other).min() > 0
