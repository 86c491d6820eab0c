"""Tests of `tfctr.models.sequence_ranker`, on every model that reads event by event."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import candidates, part, rows
from tests.models.sequences import EVENTS, SCHEMA, request_at, users
from tfctr import kernels, models
from tfctr.errors import InputError, UnknownName
from tfctr.models.sequence_ranker import SequenceRanker

NAMES = [n for n in models.names() if issubclass(models.get(n), SequenceRanker)]
every_model = pytest.mark.parametrize("name", NAMES)
X = users()
REAL = X["history_item_id"] != 0
SETTINGS = {"dim": 8, "embedding_dim": 4, "hidden_units": (6,)}


def made(name, **kwargs):
    model = models.get(name)(SCHEMA, **{**SETTINGS, **kwargs})
    model.build()
    rng = np.random.default_rng(7)
    for weight in model.trainable_variables:
        noise = rng.normal(scale=0.4, size=weight.shape)
        weight.assign(np.asarray(weight, "float32") + noise)
    return model


# D8, D13: one pass over a user is each of its events, served -----------------------


@pytest.mark.parametrize("is_xla", [False, True])
@every_model
def test_each_event_scores_as_a_request_with_what_came_before(name, is_xla):
    model = made(name)
    with kernels.xla(is_xla):
        whole = model(X)
        for place in range(X["history_item_id"].shape[1]):
            alone = model(request_at(X, place))
            for label, logits in whole.items():
                np.testing.assert_allclose(
                    np.asarray(logits)[REAL[:, place], place],
                    np.asarray(alone[label])[REAL[:, place]],
                    atol=1e-5,
                )
    assert np.std(whole["click"][REAL]) > 0.01


@every_model
def test_padding_on_either_side_changes_nothing(name):
    model, whole = made(name), made(name)(X)
    for before, after in ((2, 0), (0, 3), (1, 4)):
        padded = {
            n: np.pad(
                v,
                [(0, 0), (before, after)],
                constant_values=-1 if n == "history_time" else 0,
            )
            if n in EVENTS
            else v
            for n, v in X.items()
        }
        found = model(padded)
        for label, logits in whole.items():
            kept = found[label][:, before : before + logits.shape[1]]
            np.testing.assert_allclose(kept, logits, atol=1e-6)
            assert not np.any(np.asarray(found[label])[:, :before])


@every_model
def test_visible_says_what_each_event_knows(name):
    model = made(name)
    visible = np.where(REAL, np.maximum(np.arange(6) - 2, 0)[None], 0).astype("int32")
    whole = model({**X, "history_visible": visible})
    for place in range(6):
        alone = model(request_at(X, place, visible))
        np.testing.assert_allclose(
            np.asarray(whole["click"])[REAL[:, place], place],
            np.asarray(alone["click"])[REAL[:, place]],
            atol=1e-5,
        )
    assert np.abs(whole["click"] - model(X)["click"]).max() > 1e-3


@every_model
def test_events_of_equal_time_do_not_know_each_other(name):
    model, x = made(name), dict(X)
    x["history_time"] = X["history_time"].copy()
    x["history_time"][-1, 3] = x["history_time"][-1, 2]
    before = model(x)["click"][-1]
    x["history_action"] = X["history_action"].copy()
    x["history_action"][-1, 2] = 1 + X["history_action"][-1, 2] % 3
    after = model(x)["click"][-1]
    change = np.abs(before - after)
    np.testing.assert_array_equal(change[:4], 0)
    assert (change[4:] > 1e-6).all()


@every_model
def test_event_out_of_order_is_known_to_none_before_it(name):
    model, x = made(name), dict(X)
    x["history_time"] = X["history_time"].copy()
    x["history_time"][-1, 1] = X["history_time"][-1, 4] + 1
    before = model(x)["click"][-1]
    x["history_action"] = X["history_action"].copy()
    x["history_action"][-1, 1] = 1 + X["history_action"][-1, 1] % 3
    change = np.abs(before - model(x)["click"][-1])
    np.testing.assert_array_equal(change[:5], 0)
    assert change[5] > 1e-6


@every_model
def test_session_hides_the_neighbours_of_an_event(name):
    model = made(name, session="category")
    x = {**X, "history_category": np.array([[1, 1, 2, 2, 2, 3]] * 5, "int32") * REAL}
    before = model(x)["click"][-1]
    x["history_action"] = X["history_action"].copy()
    x["history_action"][-1, 2] = 1 + X["history_action"][-1, 2] % 3
    change = np.abs(before - model(x)["click"][-1])
    np.testing.assert_array_equal(change[:5], 0)
    assert change[5] > 1e-6


# D10: candidates -------------------------------------------------------------------


@every_model
def test_many_candidates_are_scored_in_parts(name, monkeypatch):
    model = made(name)
    x, _, _ = rows(3, schema=SCHEMA)
    items = candidates(x, 11, SCHEMA)
    state = model.encode_user(part(x, ("user", "context", "sequence"), SCHEMA))
    whole = model.score(state, items)
    monkeypatch.setattr("tfctr.models.sequence_ranker.MOST_CANDIDATES", 4)

    @tf.function(
        input_signature=[
            {n: tf.TensorSpec((3, None), v.dtype) for n, v in items.items()}
        ]
    )
    def in_a_graph(items):
        return model.score(state, items)

    for found in (model.score(state, items), in_a_graph(items)):
        for label, logits in whole.items():
            np.testing.assert_allclose(found[label], logits, atol=1e-6)


# What is not as it should be -------------------------------------------------------


@every_model
def test_history_longer_than_the_maximum_keeps_the_most_recent(name):
    model, x = made(name), users(3, length=9, seed=4)
    full = request_at(x, 8)
    full = {n: v[2:] for n, v in full.items()}
    recent = {n: v[:, 2:] if n in EVENTS else v for n, v in full.items()}
    np.testing.assert_allclose(model(full)["click"], model(recent)["click"], atol=1e-6)
    cut = {n: v[:, 3:] if n in EVENTS else v for n, v in full.items()}
    assert np.abs(model(full)["click"] - model(cut)["click"]).max() > 1e-5


@every_model
def test_users_without_events_have_finite_scores_and_no_events(name):
    model, x = made(name), users(2, length=4)
    empty = {n: v[:1] for n, v in x.items()}
    assert not np.any(model(empty)["click"])
    nothing = {n: v[:, :0] if n in EVENTS else v for n, v in x.items()}
    assert model(nothing)["click"].shape == (2, 0)
    assert np.isfinite(model(request_at(empty, 0))["click"]).all()


@every_model
def test_event_after_the_request_is_not_known(name):
    model, x = made(name), request_at(X, 5)
    x = {n: v[-1:] for n, v in x.items()}
    late = {**x, "time": x["history_time"][:, 3]}
    cut = {n: v[:, :3] if n in EVENTS else v for n, v in late.items()}
    np.testing.assert_allclose(model(late)["click"], model(cut)["click"], atol=1e-6)


@pytest.mark.parametrize("action", [-1, 4])
@every_model
def test_action_that_is_not_declared_is_refused(name, action):
    x = {**X, "history_action": X["history_action"].copy()}
    x["history_action"][0, 0] = action
    text = f"`history_action`: received id {action}, expected ids from 0 to 3"
    with pytest.raises(InputError, match=text):
        made(name)(x)


@every_model
def test_session_that_events_lack_is_refused(name):
    with pytest.raises(UnknownName, match=r"`session`: received 'history_sesion'"):
        made(name, session="sesion")
    x = {n: v for n, v in X.items() if n != "history_category"}
    with pytest.raises(UnknownName, match="`input history_category`"):
        made(name, session="category")(x)


@every_model
def test_duplicated_events_are_events(name):
    model = made(name)
    twice = {n: np.repeat(v, 2, axis=1) if n in EVENTS else v for n, v in X.items()}
    logits = model(twice)["click"]
    np.testing.assert_allclose(logits[:, 0::2], logits[:, 1::2], atol=1e-6)
    assert np.isfinite(logits).all()


def test_base_class_says_what_a_model_has_to_write():
    model = SequenceRanker(SCHEMA)
    for method in (
        lambda: model.read(None, None, False),
        lambda: model.ask({}, None, False),
        lambda: model.ask_each(None, None, None, (None, None), False),
    ):
        with pytest.raises(NotImplementedError, match="SequenceRanker does not write"):
            method()
