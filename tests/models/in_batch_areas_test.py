"""Tests of `tfctr.models.in_batch_areas`."""

import numpy as np

from tfctr.models.in_batch_areas import in_batch_areas


def test_shares_by_their_definition():
    rng = np.random.default_rng(0)
    user, item = rng.normal(size=(2, 9, 3)).astype("float32")
    item[4] = item[1]
    ids = np.array([1, 2, 3, 1, 5, 6, 7, 8, 9])
    shares, counts = in_batch_areas(user, item, ids)
    scores = user @ item.T
    for row in range(9):
        others = np.flatnonzero(ids != ids[row])
        difference = scores[row, row] - scores[row, others]
        won = np.where(np.abs(difference) < 1e-6, 0.5, difference > 0)
        np.testing.assert_allclose(shares[row], won.mean(), rtol=1e-6)
        assert counts[row] == len(others)


def test_no_other_item_gives_nothing():
    shares, counts = in_batch_areas(np.eye(2), np.eye(2), np.array([4, 4]))
    assert np.asarray(shares).tolist() == np.asarray(counts).tolist() == [0.0, 0.0]
