"""Tests of encoded histories as tokens, by DHEN: C7, C8 of its methods file."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import PLAIN, SIZED, candidates, made, pairs, part, rows
from tfctr.errors import InputError, UnknownName
from tfctr.models import DHEN, SequenceEncoding

X, Y, WEIGHTS = rows(16)
LEARNS = {"next_action_weight": 1.0, "num_negatives": None}


def test_tokens_are_last_mean_and_target():
    model = made("DHEN", sequences={})
    history = next(iter(model.histories.values()))
    user = part(X, ("user", "context", "sequence"))
    _, vectors = model.embeddings.stacked(user)
    read = {k: np.asarray(v) for k, v in history.read(user, vectors).items()}
    ids = X[history.marker]
    np.testing.assert_array_equal(read["length"], (ids != 0).sum(1))
    items, _ = model.embeddings.stacked(part(X, ["item"]))
    places = [
        model.embeddings.stacked_fields(["item"]).index(n) for n in history.shared
    ]
    candidate = np.asarray(items)[:, places].sum(1)
    last, mean = map(np.asarray, history.summaries(read))
    by_name = {
        n: items[:, None, p] for n, p in zip(history.shared, places, strict=True)
    }
    target = np.asarray(history.targets(by_name, read)[0])[:, 0]
    kernel = np.asarray(history.attention.kernel)
    for row in range(16):
        count = read["length"][row]
        states = read["states"][row, :count]
        if not count:
            assert not np.any([last[row], mean[row], target[row]])
            continue
        np.testing.assert_allclose(last[row], states[-1], rtol=1e-5)
        np.testing.assert_allclose(mean[row], states.mean(0), rtol=1e-4, atol=1e-6)
        raised = np.exp(states @ (candidate[row] @ kernel))
        expected = (raised / raised.sum()) @ states
        np.testing.assert_allclose(target[row], expected, rtol=1e-4, atol=1e-5)


def test_a_user_of_many_candidates_is_read_once(monkeypatch):
    model, calls = made("DHEN", sequences={}), []
    items = candidates(X, 3)
    expected = model(pairs(X, items))
    history = next(iter(model.histories.values()))
    read = history.read
    monkeypatch.setattr(
        history, "read", lambda *a, **k: calls.append(a) or read(*a, **k)
    )
    state = model.encode_user(part(X, ("user", "context", "sequence")))
    for label, logits in model.score(state, items).items():
        np.testing.assert_allclose(
            np.reshape(logits, -1), expected[label], rtol=1e-4, atol=1e-5
        )
    assert len(calls) == 1


@pytest.mark.parametrize("summaries", [("last",), ("mean",), ("target",)])
def test_each_summary_alone_depends_on_the_history(summaries):
    model = made("DHEN", sequences={"summaries": summaries})
    columns = [c.name for c in SIZED.encoded_columns(["sequence"])]
    without = {**X, **{name: np.zeros_like(X[name]) for name in columns}}
    difference = model(X)["click"] - model(without)["click"]
    has_events = np.any(
        [(X[h.marker] != 0).any(1) for h in model.histories.values()], axis=0
    )
    assert (np.abs(difference)[has_events] > 0).all()


def test_training_tells_next_actions_and_evaluation_does_not():
    model = made("DHEN", schema=PLAIN, sequences=LEARNS)
    x, y, _ = rows(16, schema=PLAIN)
    model.compile(weighted_metrics=[])
    found = model.fit(x, y, verbose=0).history
    assert found["next_action_loss"][0] > 0
    np.testing.assert_allclose(
        found["loss"][0],
        found["label_loss"][0] + found["next_action_loss"][0],
        rtol=1e-5,
    )
    assert not [
        n for n in model.evaluate(x, y, verbose=0, return_dict=True) if "next" in n
    ]


def test_the_loss_teaches_tables_and_encoder_and_without_weight_nothing():
    """C8, through the model."""
    by_weight = {}
    for weight in (0.0, 2.0):
        model = made("DHEN", sequences={**LEARNS, "next_action_weight": weight})
        model.compile(weighted_metrics=[])
        nothing = {name: tf.zeros(16) for name in Y}  # no label is observed
        with tf.GradientTape() as tape:
            loss = model.compute_loss(X, Y, model(X, training=True), nothing)
        gradients = tape.gradient(loss, model.trainable_variables)
        by_weight[weight] = {
            variable.path
            for variable, g in zip(model.trainable_variables, gradients, strict=True)
            if g is not None and np.any(tf.convert_to_tensor(g))
        }
    assert by_weight[0.0] == set()
    learnt = " ".join(by_weight[2.0])
    assert "embeddings/" in learnt
    assert "history_encoder/" in learnt
    assert "history_next_action/kernel_1" in learnt
    assert "tower" not in learnt


def test_requests_train_by_it_too():
    model = made("DHEN", schema=PLAIN, sequences=LEARNS)
    x, _, _ = rows(8, schema=PLAIN)
    requests = {**x, **candidates(x, 3, PLAIN)}
    pointwise = model(x, training=True)["training/history"]
    np.testing.assert_allclose(
        model(requests, training=True)["training/history"], pointwise, rtol=1e-5
    )


def test_a_model_of_two_histories_has_an_encoder_of_each():
    """On-site and off-site events: each changes the logits."""
    names = [sequence.name for sequence in SIZED.sequences]
    assert len(names) > 1
    model = made("DHEN", sequences={"num_layers": 2})
    assert list(model.histories) == names
    before = model(X)["click"]
    for history in model.histories.values():
        changed = {**X, history.marker: np.minimum(X[history.marker], 1)}
        assert np.abs(model(changed)["click"] - before).max() > 0


def test_settings_survive_config():
    model = made("DHEN", sequences={"summaries": ["last"], "num_layers": 2})
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(model)
    )
    assert again.sequences == model.sequences
    assert again.sequences.summaries == ("last",)


@pytest.mark.parametrize(
    ("sequences", "error", "text"),
    [
        ({"num_layer": 1}, UnknownName, "Did you mean 'num_layers'"),
        ({"summaries": ["lst"]}, UnknownName, "Did you mean 'last'"),
        ({"summaries": []}, InputError, "`summaries`: received none"),
        ({"next_action_weight": -1}, InputError, "`next_action_weight`: received -1"),
        ({"num_heads": 3}, InputError, "`num_heads`: received 3"),
    ],
)
def test_bad_settings_are_refused(sequences, error, text):
    with pytest.raises(error, match=text):
        made("DHEN", sequences=sequences)


def test_settings_can_be_an_object():
    schema = dataclasses.replace(PLAIN)
    assert DHEN(schema, dim=4, sequences=SequenceEncoding(num_layers=2)).sequences == (
        SequenceEncoding.of({"num_layers": 2})
    )
