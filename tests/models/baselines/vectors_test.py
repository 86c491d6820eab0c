"""Tests of what `TwoTower` and `VectorProduct` share: the in-batch softmax."""

import numpy as np
import pytest
import scipy.special

from tests.models.data import PLAIN, candidates, made, part, rows
from tfctr.errors import InputError

X, Y, _ = rows(12, schema=PLAIN)
REQUESTS = {**X, **candidates(X, 3, PLAIN)}
CLICKS = np.random.default_rng(0).integers(0, 2, (12, 3)).astype("float32")


def softmax_loss(model, ids, clicks, log_q=0.0):
    """The mean over clicks, of vectors in numpy."""
    user = np.asarray(model.encode_user(X)["user"], "float64")
    flat = {"item_id": ids.reshape(-1)}
    items = np.asarray(model.encode_items(flat)["vector"], "float64")
    scores = float(model.scale[0]) * user @ items.T - log_q
    count, losses = clicks.size // len(user), []
    for place in np.flatnonzero(clicks):
        row, own = scores[place // count], range(len(flat["item_id"]))
        same_request = [p for p in own if p // count == place // count]
        others = [
            p
            for p in own
            if flat["item_id"][p] != flat["item_id"][place]
            and not (p in same_request and clicks.reshape(-1)[p])
        ]
        losses.append(-scipy.special.log_softmax(row[[place, *others]])[0])
    return np.mean(losses)


def added(model, x, y, weights=None):
    """What the loss of training has and that of evaluation lacks."""
    y_pred = model(x)
    model.compile(run_eagerly=True)
    return float(
        model.compute_loss(x, y, y_pred, weights, training=True)
        - model.compute_loss(x, y, y_pred, weights, training=False)
    )


@pytest.mark.parametrize("name", ["TwoTower", "VectorProduct"])
def test_clicked_item_is_weighed_against_the_items_of_the_batch(name):
    model = made(name, PLAIN, in_batch_weight=0.5)
    expected = 0.5 * softmax_loss(model, X["item_id"], Y["click"])
    assert added(model, X, Y) == pytest.approx(expected, rel=1e-4)


def test_requests_bring_all_their_candidates():
    model = made("TwoTower", PLAIN, in_batch_weight=1.0)
    expected = softmax_loss(model, REQUESTS["item_id"], CLICKS)
    user = part(X, ("user", "context", "sequence"), PLAIN)
    x = {**user, "item_id": REQUESTS["item_id"]}
    vectors = model.embed(x)
    found = model._in_batch(x, {"click": CLICKS}, None)
    assert vectors["item"].shape == (12, 3, 5)
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_weights_count_and_padding_is_left_out():
    model = made("TwoTower", PLAIN, in_batch_weight=1.0)
    mask = np.ones((12, 3), bool)
    mask[:, 2] = False
    x = {**REQUESTS, "candidate_mask": mask}
    weights = {"click": mask.astype("float32")}
    short = {**X, **candidates(X, 2, PLAIN)}
    expected = model._in_batch(short, {"click": CLICKS[:, :2]}, None)
    found = model._in_batch(x, {"click": CLICKS}, weights)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_correction_takes_off_the_logarithm_of_the_shares():
    model = made("TwoTower", PLAIN, in_batch_weight=1.0, log_q=True)
    ids = X["item_id"]
    shares = np.array([np.mean(ids == item) for item in ids])
    expected = softmax_loss(model, ids, Y["click"], np.log(shares))
    assert added(model, X, Y) == pytest.approx(expected, rel=1e-4)
    assert int(model.frequencies.total) == 12


def test_products_with_the_query_order_items_as_scores_do():
    model = made("TwoTower")
    x, _, _ = rows(12)
    state = model.encode_user(x)
    vectors = np.asarray(model.encode_items(part(x, ["item"]))["vector"])
    products = np.asarray(model.retrieval_query(state)) @ vectors.T
    logits = model.score_stored(state, {"vector": np.stack([vectors] * 12)})["click"]
    np.testing.assert_allclose(products + model.bias[0], logits, rtol=1e-4, atol=1e-4)


def test_negative_weight_is_refused():
    with pytest.raises(InputError, match="in_batch_weight"):
        made("TwoTower", in_batch_weight=-1.0)
