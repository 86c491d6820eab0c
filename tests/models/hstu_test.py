"""Tests of `tfctr.models.HSTU`."""

import numpy as np

from tests.models.sequences import SCHEMA, request_at, users
from tfctr import models
from tfctr.models.event_sequence import When

X = request_at(users(), 5)
SETTINGS = {"dim": 8, "embedding_dim": 4, "hidden_units": (6,), "num_blocks": 1}


def made(**kwargs):
    model = models.HSTU(SCHEMA, **SETTINGS, **kwargs)
    model.build()
    return model


def test_blocks_are_those_of_the_ranking_preset():
    settings = made().blocks[0].settings
    assert (settings.output, settings.activated) == ("concat", "gate")
    assert not settings.position_bias
    assert not settings.time_bias
    assert made(preset="research").blocks[0].settings.output == "gated"


def test_tokens_know_how_far_the_candidate_is():
    model, read = made(), []
    for block in model.blocks:
        block.keys_values = lambda tokens: read.append(tokens) or (tokens, tokens)
    tokens = np.zeros((2, 4, 8), "float32")
    # The second user has two tokens; the first of each has no time.
    times = np.array([[-1, 0, 3540, 3600]] * 2)
    request = np.array([[3600], [3600 + 25 * 3600]])
    model.read(tokens, When(np.array([4, 2], "int32"), times, request), False)
    places, moments = (np.asarray(t.embeddings) for t in (model.places, model.moments))
    # Roots of 60, 1 and 0 minutes; of 1560, 1501 and 1500.
    expected = places[[4, 3, 2, 1]]
    expected[1:] += moments[[7, 1, 0]]
    np.testing.assert_allclose(read[0][0], expected, atol=1e-6)
    expected = places[[2, 1, 0, 0]]
    expected[1:] += moments[[39, 38, 38]]
    np.testing.assert_allclose(read[0][1], expected, atol=1e-6)


def test_candidate_is_scaled_content_with_a_placeholder_here_and_now():
    model = made()
    content = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")
    expected = content * np.sqrt(8) + np.asarray(model.tokens.unknown())
    expected += np.asarray(model.places.embeddings)[0]
    expected += np.asarray(model.moments.embeddings)[0]
    np.testing.assert_allclose(model.candidate(content), expected, atol=1e-5)


def test_moment_of_the_request_matters():
    model = made()
    later = {**X, "time": X["time"] + 10**6}
    change = np.abs(model(X)["click"] - model(later)["click"])
    assert change[-1] > 1e-6
