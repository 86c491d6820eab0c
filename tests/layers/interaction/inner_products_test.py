"""Tests of `tfctr.layers.InnerProducts`."""

from itertools import combinations

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.layers import FactorizationMachine, InnerProducts

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(4, 2, 3), (3, 6, 5), (2, 9, 1)])
def test_equals_the_product_of_each_pair(shape):
    fields = RNG.normal(size=shape).astype("float32")
    pairs = combinations(range(shape[1]), 2)
    expected = np.stack([(fields[:, i] * fields[:, j]).sum(-1) for i, j in pairs], -1)
    np.testing.assert_allclose(InnerProducts()(fields), expected, rtol=1e-5, atol=1e-5)


def test_sum_of_all_is_that_of_the_factorization_machine():
    fields = RNG.normal(size=(4, 7, 3)).astype("float32")
    total = np.sum(InnerProducts()(fields), axis=1, keepdims=True)
    np.testing.assert_allclose(
        total, FactorizationMachine()(fields), rtol=1e-4, atol=1e-4
    )


def test_one_field_has_no_pairs():
    assert InnerProducts()(np.ones((2, 1, 3), "float32")).shape == (2, 0)


def test_unknown_number_of_fields_is_refused():
    with pytest.raises(InputError, match=r"`fields`: received shape \(None, None, 3\)"):
        InnerProducts().compute_output_shape((None, None, 3))
