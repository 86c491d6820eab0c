"""Requests that are empty, too long, too short or know nothing."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.export.deployment import (
    TOP_K,
    USER_ROLES,
    encoded,
    item_inputs,
    probabilities,
    user_inputs,
    widened,
)
from tests.features.shop import SCHEMA, shop_frame, shop_items

CLOSE = {"rtol": 0, "atol": 1e-6}


def test_requests_do_not_depend_on_the_batch_they_are_in(deployed):
    frame, ids = shop_frame(5, seed=7), np.full((5, 3), "", object)
    ids[:] = [[f"i{k}", f"i{k + 1}", "x"] for k in range(5)]
    together = deployed.ask("ranking_by_id", **user_inputs(frame), item_id=ids)
    for k in range(5):
        one = user_inputs(frame[k : k + 1])
        alone = deployed.ask("ranking_by_id", **one, item_id=ids[k : k + 1])
        np.testing.assert_allclose(alone["score"][0], together["score"][k], **CLOSE)


def test_equal_scores_keep_the_order_of_the_request(deployed):
    user = user_inputs(shop_frame(1))
    ids = np.array([["unknown a", "i1", "unknown b", "i1"]], object)
    answer = deployed.ask("pre_ranking", **user, item_id=ids)
    order = answer["top_index"][0].tolist()
    assert order.index(0) < order.index(2)
    assert order.index(1) < order.index(3)
    assert answer["score"][0, 0] == answer["score"][0, 2]


@pytest.mark.parametrize("count", [1, 3, TOP_K, 9])
def test_top_holds_at_most_the_candidates(deployed, count):
    ids = np.array([[f"i{k}" for k in range(count)]], object)
    user = user_inputs(shop_frame(1))
    answer = deployed.ask("pre_ranking", **user, item_id=ids)
    assert answer["score"].shape == (1, count)
    for name in ("top_item_id", "top_score", "top_index"):
        assert answer[name].shape == (1, min(count, TOP_K))


@pytest.mark.parametrize("requests", [0, 2])
def test_requests_without_candidates_get_empty_answers(deployed, requests):
    user = user_inputs(shop_frame(2)[:requests])
    ids = np.zeros((requests, 0), object)
    answer = deployed.ask("pre_ranking", **user, item_id=ids)
    assert {value.shape for value in answer.values()} == {(requests, 0)}
    answer = deployed.ask("ranking_by_id", **user, item_id=ids)
    assert {value.shape for value in answer.values()} == {(requests, 0)}
    items = item_inputs(shop_items(1)[:0], 1)
    items = {
        n: np.zeros((requests, 0, *v.shape[2:]), v.dtype) for n, v in items.items()
    }
    answer = deployed.ask("ranking", **user, **items)
    assert {value.shape for value in answer.values()} == {(requests, 0)}


def test_longer_histories_and_lists_are_cut_as_in_training(deployed):
    frame = shop_frame(12, seed=8)
    assert max(map(len, frame["history_item_id"])) > 4
    assert max(map(len, frame["interests"])) > 3
    wide = widened(SCHEMA, 3)
    items = shop_frame(24, seed=9)
    sent = user_inputs(frame, wide) | item_inputs(items, 12, wide)
    answer = deployed.ask("ranking", **sent)
    user, candidates = user_inputs(frame), item_inputs(items, 12)
    expected = probabilities(
        deployed.ranking,
        encoded(deployed.state, user),
        encoded(deployed.state, candidates),
    )
    np.testing.assert_allclose(answer["click"], expected["click"], **CLOSE)
    ids = np.full((12, 2), "i1", object)
    padded = deployed.ask("pre_ranking", **user_inputs(frame, wide), item_id=ids)
    cut = deployed.ask("pre_ranking", **user, item_id=ids)
    np.testing.assert_allclose(padded["score"], cut["score"], **CLOSE)


def test_shorter_histories_equal_padded_ones(deployed):
    frame = shop_frame(6, seed=10)
    for name in frame:
        if name.startswith("history"):
            frame[name] = frame[name].map(lambda events: events[:2])
    padded, ids = user_inputs(frame), np.full((6, 2), "i2", object)
    sent = {n: v[:, :2] if n.startswith("history") else v for n, v in padded.items()}
    for name in ("ranking_by_id", "pre_ranking"):
        full = deployed.ask(name, **padded, item_id=ids)
        short = deployed.ask(name, **sent, item_id=ids)
        np.testing.assert_allclose(short["score"], full["score"], **CLOSE)


def missing_user(requests):
    """Nobody of whom anything is known, without a place for events."""
    columns = SCHEMA.raw_columns(USER_ROLES)
    dtypes = {"string": object, "int64": "int64", "float32": "float32"}
    return {
        c.name: np.full(
            (requests, *((0, *c.shape[1:]) if c.sequence else c.shape)),
            c.missing,
            dtypes[c.dtype],
        )
        for c in columns
    }


def test_request_of_which_nothing_is_known_is_answered(deployed):
    ids = np.array([["i1", "unknown", ""]] * 2, object)
    for name in ("ranking_by_id", "pre_ranking"):
        answer = deployed.ask(name, **missing_user(2), item_id=ids)
        assert np.isfinite(answer["score"]).all()
        assert ((answer["score"] > 0) & (answer["score"] < 1)).all()
    padded = user_inputs(pd.DataFrame([dict.fromkeys(user_inputs(shop_frame(1)))]))
    full = deployed.ask("ranking_by_id", **padded, item_id=ids[:1])
    short = deployed.ask("ranking_by_id", **missing_user(1), item_id=ids[:1])
    np.testing.assert_allclose(short["score"], full["score"], **CLOSE)


def test_example_of_which_nothing_is_known_is_answered(deployed):
    empty = tf.train.Example().SerializeToString()
    answer = deployed.ask("serving_default", examples=[empty, empty])
    for value in answer.values():
        assert value.shape == (2,)
        assert np.isfinite(value).all()


def test_numbers_that_are_not_finite_count_as_missing(deployed):
    frame, ids = shop_frame(2), np.array([["i1"], ["i2"]], object)
    good, bad = user_inputs(frame), user_inputs(frame)
    good["age"][:], good["history_price"][:] = np.nan, np.nan
    bad["age"][:], bad["history_price"][:] = np.inf, -np.inf
    first = deployed.ask("ranking_by_id", **good, item_id=ids)
    second = deployed.ask("ranking_by_id", **bad, item_id=ids)
    np.testing.assert_array_equal(first["score"], second["score"])
