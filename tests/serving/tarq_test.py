"""TARQ over gRPC: by ids, from codes and vectors of the item store."""

import numpy as np
import pytest
import tensorflow as tf

from tests.export.deployment import encoded, random_model, user_inputs
from tests.features.shop import SCHEMA, shop_frame, shop_items
from tfctr import export
from tfctr.serving import PredictClient
from tfctr.serving.server import EmbeddedServer

REQUESTS, TOP = 3, 4


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    state = SCHEMA.fit(shop_frame(15, seed=1, items=8))
    heads = {
        "ranking": random_model("LogisticRegression", state),
        "pre_ranking": random_model("TARQ", state),
    }
    folder, items = tmp_path_factory.mktemp("tarq") / "shop", shop_items(10)
    path = export.save(folder, **heads, state=state, items=items, top_k=TOP)
    with EmbeddedServer("shop", folder) as server:
        yield server, path, state, heads["pre_ranking"], items


def test_ids_are_answered_with_the_scores_in_memory(exported):
    server, _, state, model, items = exported
    user = user_inputs(shop_frame(REQUESTS, seed=5))
    ids = items["item_id"].astype(str).to_numpy()[None].repeat(REQUESTS, axis=0)
    with PredictClient(server.address, "shop") as client:
        found = client.predict({**user, "item_id": ids.astype(object)}, "pre_ranking")
    table = export.item_table(state, items, model)
    stored = {n: v[1:][None].repeat(REQUESTS, 0) for n, v in table.stored.items()}
    logits = model.score_stored(model.encode_user(encoded(state, user)), stored)
    expected = tf.sigmoid(logits["click"]).numpy()
    np.testing.assert_allclose(found["score"], expected, atol=1e-5)
    order = np.argsort(-expected, axis=1, kind="stable")[:, :TOP]
    np.testing.assert_array_equal(found["top_index"], order)


def test_store_keeps_codes_as_small_integers(exported):
    _, path, _, model, _ = exported
    loaded = tf.saved_model.load(str(path))
    dtypes = {variable.dtype for variable in loaded._items._stored.values()}
    assert dtypes == {tf.uint8, tf.float32}
    outputs = loaded.signatures["item_encoder"].structured_outputs
    assert outputs["codes"].dtype == tf.uint8
    assert outputs["codes"].shape[1:] == (model.made.num_levels,)
