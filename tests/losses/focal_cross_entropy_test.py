"""Tests of `tfctr.losses.FocalCrossEntropy`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.losses import BinaryCrossEntropy, FocalCrossEntropy

LABELS = np.array([1, 0, 1, 0], "float32")
LOGITS = np.array([0.0, np.log(3), -np.log(3), -2.0], "float32")


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, None), (0.5, 0.25), (0.0, 0.5)])
def test_equals_the_formula(gamma, alpha):
    p = 1 / (1 + np.exp(-LOGITS))
    happened = np.where(LABELS == 1, p, 1 - p)
    share = 1 if alpha is None else np.where(LABELS == 1, alpha, 1 - alpha)
    expected = (-share * (1 - happened) ** gamma * np.log(happened)).mean()
    found = FocalCrossEntropy(gamma, alpha)(LABELS, LOGITS)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_without_focus_it_is_cross_entropy():
    weights = np.array([3.0, 1.0, 0.0, 1.0])
    found = FocalCrossEntropy(0.0)(LABELS, LOGITS, sample_weight=weights)
    expected = BinaryCrossEntropy()(LABELS, LOGITS, sample_weight=weights)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_far_logits_have_finite_losses():
    found = FocalCrossEntropy()(LABELS, 1e4 * (2 * LABELS - 1))
    assert float(found) == 0.0
    assert np.isfinite(float(FocalCrossEntropy()(LABELS, 1e4 * (1 - 2 * LABELS))))


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"gamma": -1}, "gamma"), ({"alpha": 1.0}, "alpha"), ({"alpha": 0.0}, "alpha")],
)
def test_bad_arguments_are_refused(arguments, field):
    with pytest.raises(InputError, match=f"`{field}`: received"):
        FocalCrossEntropy(**arguments)
