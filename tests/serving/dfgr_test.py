"""DFGR over gRPC: `ranking` reads the history once, and gives the scores in memory."""

import numpy as np
import pytest
import tensorflow as tf

from tests.export.deployment import encoded, item_inputs, random_model, user_inputs
from tests.features.shop import SCHEMA, shop_frame, shop_items
from tfctr import export
from tfctr.serving import PredictClient
from tfctr.serving.server import EmbeddedServer

REQUESTS, COUNT = 6, 3
FRAME = shop_frame(REQUESTS * COUNT, seed=5)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    state = SCHEMA.fit(shop_frame(15, seed=1, items=8))
    model, calls = random_model("DFGR", state), []
    read, ask = model.read, model.ask
    model.read = lambda *a: calls.append("read") or read(*a)
    model.ask = lambda s, fake, t: calls.append(fake.shape[1]) or ask(s, fake, t)
    folder = tmp_path_factory.mktemp("dfgr") / "shop"
    path = export.save(folder, ranking=model, state=state, items=shop_items(10))
    return folder, path, state, model, calls


def test_answers_over_grpc_are_those_in_memory(exported):
    folder, path, state, model, _ = exported
    user, items = user_inputs(FRAME.iloc[:REQUESTS]), item_inputs(FRAME, REQUESTS)
    with (
        EmbeddedServer("shop", folder) as server,
        PredictClient(server.address, "shop") as client,
    ):
        found = client.predict({**user, **items}, "ranking")
    scores = model.score(model.encode_user(encoded(state, user)), encoded(state, items))
    for label, logits in scores.items():
        np.testing.assert_allclose(found[label], tf.sigmoid(logits), atol=1e-5)
    assert export.largest_difference(path, model, state, FRAME) <= 1e-5


def test_signatures_read_a_history_once_for_all_candidates(exported):
    calls = exported[-1][:6]  # those while signatures were made
    # `serving_default` asks for one candidate, `ranking` and `ranking_by_id` for any.
    assert calls == ["read", 1, "read", None, "read", None]
