"""Tests of `tfctr.losses.WeightedLosses`."""

import numpy as np
import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.losses import BinaryCrossEntropy, FocalCrossEntropy, WeightedLosses

LABELS = np.array([1, 0, 1, 0], "float32")
LOGITS = np.array([0.0, 1.0, -1.0, -2.0], "float32")


def test_is_the_weighted_sum():
    weights = np.array([1.0, 2.0, 0.0, 1.0], "float32")
    loss = WeightedLosses({"binary_cross_entropy": 0.5, "focal_cross_entropy": 3.0})
    parts = [
        float(cls()(LABELS, LOGITS, sample_weight=weights))
        for cls in (BinaryCrossEntropy, FocalCrossEntropy)
    ]
    found = float(loss(LABELS, LOGITS, sample_weight=weights))
    assert found == pytest.approx(0.5 * parts[0] + 3.0 * parts[1], rel=1e-5)


@pytest.mark.parametrize(
    ("losses", "error", "text"),
    [
        ({}, InputError, "`losses`: received none"),
        ({"focal": 1.0}, UnknownName, "expected one of binary_cross_entropy, "),
        ({"focal_cross_entropy": -1.0}, InputError, "`losses.focal_cross_entropy`"),
        ({"focal_cross_entropy": float("nan")}, InputError, "received nan"),
    ],
)
def test_bad_weights_are_refused(losses, error, text):
    with pytest.raises(error, match=text):
        WeightedLosses(losses)


def test_ranking_is_the_second_column():
    loss = WeightedLosses({"binary_cross_entropy": 0.5, "context_ranking": 2.0})
    ranking = np.array([0.5, 1.5, 0.0, 4.0], "float32")
    found = float(loss(LABELS[:, None], np.stack([LOGITS, ranking], axis=1)))
    plain = float(BinaryCrossEntropy()(LABELS, LOGITS))
    assert found == pytest.approx(0.5 * plain + 2.0 * ranking.mean(), rel=1e-5)
