"""TLSI over gRPC: times of requests and events reach it as they are."""

import numpy as np
import pytest
import tensorflow as tf

from tests.export.deployment import encoded, item_inputs, random_model, user_inputs
from tests.features.shop import SCHEMA, shop_frame, shop_items
from tfctr import export
from tfctr.serving import PredictClient
from tfctr.serving.server import EmbeddedServer

REQUESTS, COUNT = 6, 3


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    state = SCHEMA.fit(shop_frame(15, seed=1, items=8))
    model = random_model("TLSI", state)
    folder = tmp_path_factory.mktemp("tlsi") / "shop"
    path = export.save(folder, ranking=model, state=state, items=shop_items(10))
    with EmbeddedServer("shop", folder) as server:
        yield server, path, state, model


def answers(server, user, items):
    with PredictClient(server.address, "shop") as client:
        return client.predict({**user, **items}, "ranking")


def in_memory(state, model, user, items):
    scores = model.score(model.encode_user(encoded(state, user)), encoded(state, items))
    return {name: tf.sigmoid(logits).numpy() for name, logits in scores.items()}


def test_answers_over_grpc_are_those_in_memory(exported):
    server, path, state, model = exported
    frame = shop_frame(REQUESTS * COUNT, seed=5)
    user = user_inputs(frame.iloc[:REQUESTS])
    items = item_inputs(frame, REQUESTS)
    found = answers(server, user, items)
    for label, expected in in_memory(state, model, user, items).items():
        np.testing.assert_allclose(found[label], expected, atol=1e-5)
    assert export.largest_difference(path, model, state, frame) <= 1e-5


@pytest.mark.parametrize("seconds", [3600, 7 * 86_400])
def test_request_time_matters_by_the_hour(exported, seconds):
    server, _, state, model = exported
    frame = shop_frame(REQUESTS * COUNT, seed=5)
    user, items = user_inputs(frame.iloc[:REQUESTS]), item_inputs(frame, REQUESTS)
    before = answers(server, user, items)["click"]
    later = {**user, "time": user["time"] + seconds}
    found = answers(server, later, items)["click"]
    assert np.abs(found - before).max() > 1e-4
    expected = in_memory(state, model, later, items)["click"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("time", [-1, 1_700_000_000_000])
def test_request_with_unusable_times_gets_finite_scores(exported, time):
    server, *_ = exported
    frame = shop_frame(REQUESTS * COUNT, seed=5)
    user, items = user_inputs(frame.iloc[:REQUESTS]), item_inputs(frame, REQUESTS)
    for name in ("time", "history_time"):
        user[name] = np.full_like(user[name], time)
    assert np.isfinite(answers(server, user, items)["click"]).all()
