"""DHEN over gRPC: one probability a task, histories read as in memory."""

import numpy as np
import tensorflow as tf

from tests.export.deployment import encoded, item_inputs, random_model, user_inputs
from tests.features.shop import SCHEMA, shop_frame, shop_items
from tfctr import export
from tfctr.serving import PredictClient
from tfctr.serving.server import EmbeddedServer

REQUESTS, COUNT = 6, 3
FRAME = shop_frame(REQUESTS * COUNT, seed=5)


def test_answers_over_grpc_are_those_in_memory(tmp_path):
    state = SCHEMA.fit(shop_frame(15, seed=1, items=8))
    model = random_model("DHEN", state, sequences={"next_action_weight": 1.0})
    folder = tmp_path / "shop"
    path = export.save(folder, ranking=model, state=state, items=shop_items(10))
    user, items = user_inputs(FRAME.iloc[:REQUESTS]), item_inputs(FRAME, REQUESTS)
    with (
        EmbeddedServer("shop", folder) as server,
        PredictClient(server.address, "shop") as client,
    ):
        found = client.predict({**user, **items}, "ranking")
    scores = model.score(model.encode_user(encoded(state, user)), encoded(state, items))
    assert {*scores, "score"} == {*found} == {"click", "buy", "score"}
    for task, logits in scores.items():
        np.testing.assert_allclose(found[task], tf.sigmoid(logits), atol=1e-5)
    assert export.largest_difference(path, model, state, FRAME) <= 1e-5
