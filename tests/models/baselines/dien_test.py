"""Tests of `tfctr.models.DIEN`."""

import keras
import numpy as np
import pytest

from tests.layers.sequence.attentional_gru_test import unrolled as evolved
from tests.layers.sequence.event_gru_test import unrolled as extracted
from tests.layers.sequence.next_event_test import by_hand
from tests.models.baselines.histories import SCHEMA
from tests.models.data import USER_ROLES, made, part
from tfctr import models
from tfctr.errors import InputError
from tfctr.testing import make_batch

X, Y = make_batch(SCHEMA, 8)
LENGTHS = (X["history_item_id"] != 0).sum(axis=1)


def dien(**kwargs):
    """A small model, all weights random."""
    return made("DIEN", SCHEMA, **kwargs)


def extracted_states(model):
    events = model.embeddings(X)["history_item_id"].numpy()
    weights = model.extractors["history"].get_weights()
    return events, [
        extracted(e[:n], *weights) for e, n in zip(events, LENGTHS, strict=True)
    ]


def test_first_gru_reads_the_history_once_a_request():
    model = dien()
    state = model.encode_user(part(X, USER_ROLES, SCHEMA))
    _, expected = extracted_states(model)
    for row, length in enumerate(LENGTHS):
        states = state["history/states"][row, :length]
        np.testing.assert_allclose(states, expected[row], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(state["history/mask"], X["history_item_id"] != 0)


def test_logits_follow_the_equations():
    model = dien()
    fields = {n: v.numpy() for n, v in model.embeddings(X).items()}
    _, states = extracted_states(model)
    kernel = np.asarray(model.attentions["history"].kernel)
    weights = model.evolutions["history"].get_weights()
    inputs = []
    for row, own in enumerate(states):
        candidate = fields["item_id"][row]
        attention = np.exp(own @ kernel.T @ candidate)
        attention /= max(attention.sum(), 1e-9)
        interest = evolved(own, attention, *weights)
        parts = [fields["user_id"][row], candidate, interest, interest * candidate]
        inputs.append(np.concatenate(parts))
    hidden = model.mlp(np.array(inputs, "float32"))
    expected = model.output_layer(hidden)[:, 0]
    np.testing.assert_allclose(model(X)["click"], expected, rtol=1e-3, atol=1e-5)


def test_loss_of_the_next_event_is_added_in_training_only():
    model = dien(auxiliary_weight=0.5)
    events, states = extracted_states(model)
    padded = np.zeros_like(events)
    for row, own in enumerate(states):
        padded[row, : len(own)] = own
    expected = 0.5 * by_hand(padded, events, X["history_item_id"], LENGTHS)
    model(X, training=True)
    assert [float(loss) for loss in model.losses] == [pytest.approx(expected, rel=1e-4)]
    model(X)
    assert model.losses == []
    model.encode_user(part(X, USER_ROLES, SCHEMA))
    assert model.losses == []


def test_loss_of_the_next_event_may_be_turned_off():
    model = dien(auxiliary_weight=0)
    model(X, training=True)
    assert model.losses == []


def test_training_minimises_both_losses_and_evaluation_reports_one():
    reported = {}
    for weight in (0.0, 2.0):
        model = dien(auxiliary_weight=weight)
        model.compile(keras.optimizers.SGD(0.0), weighted_metrics=[], run_eagerly=True)
        model(X, training=True)
        added = sum(map(float, model.losses))
        trained, evaluated = model.train_on_batch(X, Y), model.test_on_batch(X, Y)
        reported[weight] = (float(trained) - added, float(evaluated))
    (trained, evaluated), other = reported.values()
    assert trained == pytest.approx(evaluated, rel=1e-5)
    assert other == pytest.approx((trained, evaluated), rel=1e-5)


def test_weight_of_the_loss_may_not_be_negative():
    for weight in (-1, float("nan")):
        with pytest.raises(InputError, match=r"`auxiliary_weight`: .* 0 or more"):
            models.DIEN(SCHEMA, auxiliary_weight=weight)
