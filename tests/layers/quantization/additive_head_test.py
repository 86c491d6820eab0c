"""Tests of `tfctr.layers.AdditiveHead`."""

import numpy as np
import pytest

from tests.layers.quantization.interest_head_test import ITEMS, PARTS, USERS
from tfctr.errors import InputError
from tfctr.layers import AdditiveHead


def test_it_is_a_cosine_and_a_linear_form():
    head = AdditiveHead(2, seed=3)
    found = head(PARTS[0], ITEMS, USERS)
    head.scale.assign([2.0, 3.0])
    head.bias.assign([0.5, -1.0])
    cosine = np.einsum("bcd,bd->bc", ITEMS, USERS)[..., None]
    linear = PARTS[0] @ np.asarray(head.kernel)
    np.testing.assert_allclose(found, 5 * cosine + linear, rtol=1e-4, atol=1e-5)
    expected = cosine * [2, 3] + linear + [0.5, -1]
    np.testing.assert_allclose(
        head(PARTS[0], ITEMS, USERS), expected, rtol=1e-4, atol=1e-5
    )


def test_no_logits_are_refused():
    with pytest.raises(InputError, match="`units`: received 0"):
        AdditiveHead(0)
