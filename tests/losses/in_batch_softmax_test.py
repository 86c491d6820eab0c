"""Tests of `tfctr.losses.in_batch_softmax`."""

import numpy as np
import scipy.special

from tfctr.losses import in_batch_softmax

RNG = np.random.default_rng(5)
SCORES = RNG.normal(size=(3, 6)).astype("float32")
# Item 7 is a candidate of two requests.
IDS = np.array([7, 1, 2, 7, 3, 4], "int32")


def loss_of(row, place, negatives):
    return -scipy.special.log_softmax(row[[place, *negatives]])[0]


def test_positive_is_weighed_against_all_other_items():
    weights = np.zeros((3, 2), "float32")
    weights[0, 1], weights[2, 0] = 2.0, 1.0
    expected = [
        loss_of(SCORES[0], 1, [0, 2, 3, 4, 5]),
        loss_of(SCORES[2], 4, [0, 1, 2, 3, 5]),
    ]
    value = in_batch_softmax(SCORES, IDS, weights)
    np.testing.assert_allclose(value, np.average(expected, weights=[2, 1]), rtol=1e-5)


def test_same_item_and_other_clicks_of_the_request_are_no_negatives():
    weights = np.array([[1, 1], [0, 0], [0, 0]], "float32")
    expected = [loss_of(SCORES[0], 0, [2, 4, 5]), loss_of(SCORES[0], 1, [2, 3, 4, 5])]
    value = in_batch_softmax(SCORES, IDS, weights)
    np.testing.assert_allclose(value, np.mean(expected), rtol=1e-5)


def test_padding_is_no_negative():
    weights = np.array([[0, 1], [0, 0], [0, 0]], "float32")
    mask = np.array([1, 1, 1, 0, 1, 0], bool)
    value = in_batch_softmax(SCORES, IDS, weights, mask)
    np.testing.assert_allclose(value, loss_of(SCORES[0], 1, [0, 2, 4]), rtol=1e-5)


def test_correction_is_taken_off_the_scores():
    weights, log_q = np.eye(3, 2, dtype="float32"), RNG.normal(size=6).astype("float32")
    value = in_batch_softmax(SCORES, IDS, weights, log_q=log_q)
    by_hand = in_batch_softmax(SCORES - log_q, IDS, weights)
    np.testing.assert_allclose(value, by_hand, rtol=1e-6)
    assert abs(float(value) - float(in_batch_softmax(SCORES, IDS, weights))) > 0.05


def test_one_candidate_a_request_is_the_pointwise_form():
    scores = SCORES[:, :3]
    value = in_batch_softmax(scores, IDS[:3], np.array([1, 0, 1], "float32"))
    expected = [loss_of(scores[0], 0, [1, 2]), loss_of(scores[2], 2, [0, 1])]
    np.testing.assert_allclose(value, np.mean(expected), rtol=1e-5)


def test_batch_without_a_click_costs_nothing():
    assert float(in_batch_softmax(SCORES, IDS, np.zeros((3, 2), "float32"))) == 0.0


def test_items_beyond_the_candidates_are_negatives_of_all():
    """B1: also where one of them is the positive itself."""
    scores, ids = SCORES[:2], np.array([7, 1, 9, 7, 3, 4], "int32")
    value = in_batch_softmax(scores, ids, np.ones(2, "float32"))
    expected = [
        loss_of(scores[0], 0, [1, 2, 4, 5]),
        loss_of(scores[1], 1, [0, 2, 3, 4, 5]),
    ]
    np.testing.assert_allclose(value, np.mean(expected), rtol=1e-5)


def test_positive_without_a_negative_costs_nothing():
    scores, ids = 100 * SCORES[:2, :3], np.array([7, 7, 7], "int32")
    assert float(in_batch_softmax(scores, ids, np.ones(2, "float32"))) == 0.0


def test_scores_of_a_row_may_be_shifted():
    weights = np.eye(3, 2, dtype="float32")
    shifted = SCORES + np.array([[5.0], [-3.0], [0.5]], "float32")
    value = in_batch_softmax(shifted, IDS, weights)
    np.testing.assert_allclose(value, in_batch_softmax(SCORES, IDS, weights), rtol=1e-4)
