"""Tests of `tfctr.models.MetaGR`: D3, D4 and D15, beside DFGR."""

import numpy as np
import pytest

from tests.models.sequences import SCHEMA, users
from tfctr import models
from tfctr.layers.sequence.flow_pairs import past_pairs

X = users()
REAL = X["history_item_id"] != 0
SETTINGS = {"dim": 8, "embedding_dim": 4, "hidden_units": (6,)}


def twins(depth, *, has_actions):
    """A DFGR and a MetaGR with the same weights."""
    kinds = (models.DFGR, models.MetaGR)
    pair = [cls(SCHEMA, num_blocks=depth, **SETTINGS) for cls in kinds]
    for model in pair:
        model.build()
    rng = np.random.default_rng(7)
    dual, interleaved = (
        {w.path.split("/", 1)[-1]: w for w in m.trainable_variables} for m in pair
    )
    # All but the placeholder.
    assert len(dual) - len(interleaved) == 2
    for name, other in interleaved.items():
        one = dual[name]
        noise = np.asarray(one) + rng.normal(scale=0.4, size=one.shape)
        one.assign(noise)
        other.assign(noise)
    for model in pair:
        if not has_actions:
            # What happened, and its placeholder, are zeros; and so they stay.
            for weight in model.tokens.action_layer.weights:
                weight.assign(np.zeros(weight.shape))
        for block in model.blocks:
            block.output_layer.bias.assign(np.zeros(8))
    return pair


def difference(pair):
    one, other = (np.asarray(model(X)["click"]) for model in pair)
    return np.abs(one - other)


@pytest.mark.parametrize("depth", [1, 3])
def test_without_actions_both_are_the_same(depth):
    assert difference(twins(depth, has_actions=False)).max() < 1e-5


def test_with_actions_they_differ():
    assert difference(twins(2, has_actions=True))[REAL].min() > 1e-4


def test_first_event_is_the_same_if_the_placeholder_is_zero():
    pair = twins(2, has_actions=True)
    zeros = np.zeros(8, "float32")
    pair[0].tokens.unknown = lambda: zeros
    change = difference(pair)
    assert change[:, 0].max() < 1e-5
    assert change[:, 1:][REAL[:, 1:]].min() > 1e-4


def test_item_tokens_of_one_interleaved_sequence_are_the_candidates():
    _, model = twins(2, has_actions=True)
    tokens, times, content = model._real(
        {n: v[-1:] for n, v in X.items()}  # all six events
    )
    pairs = model.past(tokens, times)
    asked = model.ask_each(
        tokens,
        content,
        1 + 2 * np.arange(6, dtype="int32")[None],
        (times, X["history_time"][-1:]),
        False,
    )
    for block in model.blocks:
        tokens, _, _ = block.read(tokens, pairs)
    np.testing.assert_allclose(tokens[:, 1::2], asked, atol=1e-4)


def test_both_tokens_of_an_event_stand_at_one_place():
    model = models.MetaGR(SCHEMA, **SETTINGS)
    model.build()
    pairs = model.past(np.zeros((1, 7, 8)), None)
    assert np.asarray(pairs.places).tolist() == [[0, 1, 1, 2, 2, 3, 3]]
    behind = model.behind(np.array([[1, 3, 7]], "int32"), 7, None, None)
    assert np.asarray(behind.places).tolist() == [[1, 2, 4]]
    assert np.asarray(behind.key_places).tolist() == [0, 1, 1, 2, 2, 3, 3]


def test_interleaved_tokens_see_as_many_keys_as_the_formula_says():
    n = 9
    pairs = past_pairs(np.zeros((1, 2 * n, 1)), None, 0)
    assert np.sum(pairs.visible) == n * (2 * n + 1)
