"""Tests of the base of the metrics of values."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.metrics import MeanValueError


@pytest.mark.parametrize("where", ["y_true", "y_pred", "sample_weight"])
@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_what_is_below_0_or_nan_shows(where, wrong):
    given = {"y_true": [1.0], "y_pred": [1.0], "sample_weight": [1.0], where: [wrong]}
    metric = MeanValueError(from_logits=False)
    metric.update_state(**given)
    assert np.isnan(metric.result())


def test_what_has_no_weight_may_be_anything():
    metric = MeanValueError(from_logits=False)
    metric.update_state([np.nan, 1.0], [-3.0, 4.0], sample_weight=[0.0, 1.0])
    assert float(metric.result()) == 3.0


def test_sizes_must_agree():
    with pytest.raises(InputError, match="expected 2, one for each label"):
        MeanValueError().update_state([1.0, 2.0], [1.0])
