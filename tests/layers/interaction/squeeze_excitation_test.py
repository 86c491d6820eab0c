"""Tests of `tfctr.layers.SqueezeExcitation`."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import SqueezeExcitation

RNG = np.random.default_rng(0)


def test_two_fields_by_hand():
    # Means (2, 3), squeezed to relu(2*1 + 3*2) = 8, excited to relu(4, -8) = (4, 0).
    layer = SqueezeExcitation(reduction_ratio=2)
    layer.build((None, 2, 2))
    layer.squeeze_kernel.assign([[1.0], [2.0]])
    layer.excite_kernel.assign([[0.5, -1.0]])
    fields = np.float32([[[1.0, 3.0], [2.0, 4.0]]])
    np.testing.assert_allclose(layer(fields), [[[4.0, 12.0], [0.0, 0.0]]])


def test_equals_numpy():
    fields = RNG.normal(size=(6, 5, 3)).astype("float32")
    layer = SqueezeExcitation(reduction_ratio=2, seed=4)
    layer.build(fields.shape)
    squeeze, excite = map(np.asarray, (layer.squeeze_kernel, layer.excite_kernel))
    weights = np.maximum(np.maximum(fields.mean(-1) @ squeeze, 0) @ excite, 0)
    assert (weights > 0).any()
    np.testing.assert_allclose(
        layer(fields), fields * weights[..., None], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(("ratio", "units"), [(1, 7), (3, 2), (100, 1)])
def test_units_are_fields_by_ratio_and_at_least_one(ratio, units):
    layer = SqueezeExcitation(reduction_ratio=ratio)
    layer.build((None, 7, 4))
    assert layer.squeeze_kernel.shape == (7, units)
    assert layer.excite_kernel.shape == (units, 7)


def test_ratio_has_to_be_positive():
    with pytest.raises(InputError, match="`reduction_ratio`: received 0"):
        SqueezeExcitation(reduction_ratio=0)


def test_unknown_number_of_fields_is_refused():
    with pytest.raises(InputError, match=r"`fields`: received shape \(None, None, 3\)"):
        SqueezeExcitation().build((None, None, 3))
