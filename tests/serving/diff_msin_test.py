"""Diff-MSIN over gRPC: any subset of modalities gives the scores in memory."""

import numpy as np
import pytest
import tensorflow as tf

from tests.export.deployment import encoded, item_inputs, random_model, user_inputs
from tests.features.shop import SCHEMA, shop_frame, shop_items
from tfctr import export
from tfctr.data import vectors_by_row
from tfctr.serving import PredictClient
from tfctr.serving.server import EmbeddedServer

REQUESTS, COUNT = 4, 3
FRAME = shop_frame(REQUESTS * COUNT, seed=5)
SUBSETS = [(), ("picture",), ("history_picture",), ("picture", "history_picture")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    state = SCHEMA.fit(shop_frame(15, seed=1, items=8))
    model = random_model("DiffMSIN", state, tables={"text": 5})
    known = state.values("item_id")[::2]  # the others have no text
    vectors = np.random.default_rng(3).normal(size=(len(known), 5))
    model.load_vectors("text", vectors_by_row(state, known, vectors))
    folder = tmp_path_factory.mktemp("diff_msin") / "shop"
    path = export.save(folder, ranking=model, state=state, items=shop_items(10))
    return folder, path, state, model


def test_answers_over_grpc_are_those_in_memory(exported):
    folder, path, state, model = exported
    user, items = user_inputs(FRAME.iloc[:REQUESTS]), item_inputs(FRAME, REQUESTS)
    answers = []
    with (
        EmbeddedServer("shop", folder) as server,
        PredictClient(server.address, "shop") as client,
    ):
        for lacking in SUBSETS:
            asked = {**user, **items}
            asked |= {name: np.full_like(asked[name], np.nan) for name in lacking}
            found = client.predict(asked, "ranking")
            again = client.predict(asked, "ranking")
            scores = model.score(
                model.encode_user(encoded(state, {n: asked[n] for n in user})),
                encoded(state, {n: asked[n] for n in items}),
            )
            for label, logits in scores.items():
                expected = tf.sigmoid(logits)
                np.testing.assert_allclose(found[label], expected, atol=1e-5)
                np.testing.assert_array_equal(found[label], again[label])
            answers.append(found["click"])
    for k, one in enumerate(answers):
        assert all(np.abs(one - other).max() > 1e-4 for other in answers[:k])
    assert export.largest_difference(path, model, state, FRAME) <= 1e-5


def test_a_vector_that_is_known_in_part_is_missing_when_served(exported):
    _, path, *_ = exported
    ranking = tf.saved_model.load(str(path)).signatures["ranking"]
    asked = {**user_inputs(FRAME.iloc[:REQUESTS]), **item_inputs(FRAME, REQUESTS)}
    answers = []
    for part in (slice(None), slice(1)):
        picture = asked["picture"].copy()
        picture[0, 0, part] = np.nan
        specs = ranking.structured_input_signature[1]
        inputs = {**asked, "picture": picture}
        answers.append(
            ranking(**{n: tf.constant(v, specs[n].dtype) for n, v in inputs.items()})
        )
    np.testing.assert_array_equal(*(answer["click"] for answer in answers))
