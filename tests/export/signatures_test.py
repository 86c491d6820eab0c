"""Tests of the serving signatures of an exported deployment."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.export.deployment import (
    SCORE,
    TOP_K,
    encoded,
    item_inputs,
    probabilities,
    user_inputs,
)
from tests.features.shop import SCHEMA, shop_frame, shop_items
from tfctr.export.item_store import UNKNOWN_ITEM
from tfctr.features import frame_to_arrays, to_example

CLOSE = {"rtol": 0, "atol": 1e-6}
USER_SHAPES = {
    "user_id": ((None,), "string"),
    "age": ((None,), "float32"),
    "interests": ((None, None), "string"),
    "time": ((None,), "int64"),
    "device": ((None,), "string"),
    "distance": ((None,), "float32"),
    "history_item_id": ((None, None), "string"),
    "history_category": ((None, None, None), "string"),
    "history_action": ((None, None), "string"),
    "history_price": ((None, None), "float32"),
    "history_picture": ((None, None, 3), "float32"),
    "history_time": ((None, None), "int64"),
    "history_long_item_id": ((None, None), "string"),
}
ITEM_SHAPES = {
    "item_id": ((), "string"),
    "category": ((None,), "string"),
    "price": ((), "float32"),
    "picture": ((3,), "float32"),
    "brand": ((), "int64"),
}
IDS = {"item_id": ((None, None), "string")}
PAIR = ((None, None), "float32")


def items_of(*leading):
    return {
        name: ((*leading, *shape), dtype)
        for name, (shape, dtype) in ITEM_SHAPES.items()
    }


def combined(of):
    return of["click"] ** SCORE["click"] * of["buy"] ** SCORE["buy"]


def rows_of_store(deployed, ids):
    """Encoded items by id; an id that the store lacks is an item known as unknown."""
    nothing = {"category": None, "price": None, "picture": None, "brand": -1}
    known = deployed.items.set_index("item_id", drop=False).to_dict("index")
    unknown = {"item_id": UNKNOWN_ITEM, **nothing}
    rows = [known.get(item, unknown) for item in np.ravel(ids)]
    return encoded(deployed.state, item_inputs(pd.DataFrame(rows), len(ids)))


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        (
            "serving_default",
            {"examples": ((None,), "string")},
            {"click": ((None,), "float32"), "buy": ((None,), "float32")},
        ),
        (
            "ranking",
            USER_SHAPES | items_of(None, None),
            {"click": PAIR, "buy": PAIR, "score": PAIR},
        ),
        (
            "ranking_by_id",
            USER_SHAPES | IDS,
            {"click": PAIR, "buy": PAIR, "score": PAIR},
        ),
        (
            "pre_ranking",
            USER_SHAPES | IDS,
            {
                "score": PAIR,
                "top_item_id": ((None, None), "string"),
                "top_score": PAIR,
                "top_index": ((None, None), "int32"),
            },
        ),
        ("item_encoder", items_of(None), {"vector": ((None, 5), "float32")}),
    ],
)
def test_inputs_and_outputs_of_each_signature(deployed, name, inputs, outputs):
    signature = deployed.signatures[name]
    given = signature.structured_input_signature[1]
    assert {n: (tuple(s.shape), s.dtype.name) for n, s in given.items()} == inputs
    found = signature.structured_outputs
    assert {n: s.dtype.name for n, s in found.items()} == {
        n: dtype for n, (_, dtype) in outputs.items()
    }
    for output, (shape, _) in outputs.items():
        assert found[output].shape.is_compatible_with(shape)


def test_there_are_no_other_signatures(deployed):
    assert set(deployed.signatures) == {
        *("serving_default", "ranking", "ranking_by_id", "pre_ranking", "item_encoder")
    }


@pytest.mark.parametrize("seed", [2, 3])
def test_examples_get_the_probabilities_of_the_model(deployed, seed):
    frame = shop_frame(30, seed=seed, items=12)
    raw = frame_to_arrays(SCHEMA, frame)
    examples = [
        to_example(SCHEMA, row).SerializeToString() for row in frame.to_dict("records")
    ]
    answer = deployed.ask("serving_default", examples=examples)
    logits = deployed.ranking(encoded(deployed.state, raw))
    assert set(answer) == {"click", "buy"}
    for name, value in logits.items():
        np.testing.assert_allclose(answer[name], tf.sigmoid(value), **CLOSE)


@pytest.mark.parametrize("seed", [2, 3])
def test_ranking_equals_the_model_in_memory(deployed, seed):
    frame, candidates = (
        shop_frame(6, seed=seed),
        shop_frame(30, seed=seed + 9, items=12),
    )
    user, items = user_inputs(frame), item_inputs(candidates, 6)
    answer = deployed.ask("ranking", **user, **items)
    expected = probabilities(
        deployed.ranking, encoded(deployed.state, user), encoded(deployed.state, items)
    )
    for name, value in expected.items():
        np.testing.assert_allclose(answer[name], value, **CLOSE)
    np.testing.assert_allclose(answer["score"], combined(expected), **CLOSE)


def test_ranking_by_id_looks_items_up_in_the_store(deployed):
    user, ids = user_inputs(shop_frame(4, seed=5)), np.full((4, 7), "", object)
    ids[:] = ["i3", "i9", "i0", "never seen", "i3", "", "i7"]
    ids[2] = ids[2][::-1]
    answer = deployed.ask("ranking_by_id", **user, item_id=ids)
    expected = probabilities(
        deployed.ranking,
        encoded(deployed.state, user),
        rows_of_store(deployed, ids),
    )
    for name, value in expected.items():
        np.testing.assert_allclose(answer[name], value, **CLOSE)
    np.testing.assert_allclose(answer["score"], combined(expected), **CLOSE)
    np.testing.assert_array_equal(answer["click"][:2, 0], answer["click"][:2, 4])


def test_pre_ranking_scores_what_is_stored(deployed):
    user, ids = user_inputs(shop_frame(3, seed=6)), np.full((3, 8), "", object)
    ids[:] = ["i5", "i1", "nobody", "i0", "i9", "i2", "i8", "i4"]
    answer = deployed.ask("pre_ranking", **user, item_id=ids)
    expected = combined(
        probabilities(
            deployed.pre_ranking,
            encoded(deployed.state, user),
            rows_of_store(deployed, ids),
        )
    )
    np.testing.assert_allclose(answer["score"], expected, **CLOSE)
    order = np.argsort(-answer["score"], axis=1, kind="stable")[:, :TOP_K]
    np.testing.assert_array_equal(answer["top_index"], order)
    np.testing.assert_array_equal(
        answer["top_score"], np.take_along_axis(answer["score"], order, axis=1)
    )
    top = np.take_along_axis(ids, order, axis=1)
    assert np.vectorize(bytes.decode)(answer["top_item_id"]).tolist() == top.tolist()


def test_item_encoder_gives_the_vectors_of_the_model(deployed):
    raw = frame_to_arrays(SCHEMA, shop_items(12, seed=4), ["item"])
    answer = deployed.ask("item_encoder", **raw)
    expected = deployed.pre_ranking.encode_items(encoded(deployed.state, raw))
    assert set(answer) == {"vector"}
    np.testing.assert_allclose(answer["vector"], expected["vector"], **CLOSE)
