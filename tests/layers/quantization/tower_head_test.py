"""Tests of `tfctr.layers.TowerHead`."""

import numpy as np

from tests.layers.quantization.interest_head_test import ITEMS, PARTS, USERS
from tfctr.layers import TowerHead


def test_it_is_an_mlp_of_all_three_beside_the_cosine():
    head = TowerHead(2, hidden_units=[7], seed=3)
    found = head(PARTS[0], ITEMS, USERS)
    users = USERS[:, None].repeat(5, axis=1)
    joined = np.concatenate([PARTS[0], ITEMS, users], axis=-1)
    kernels = (head.interest_kernel, head.item_kernel, head.user_kernel)
    kernel = np.concatenate([np.asarray(k) for k in kernels])
    hidden = np.maximum(joined @ kernel + np.asarray(head.bias), 0)
    cosine = (ITEMS * users).sum(-1, keepdims=True)
    expected = np.asarray(head.mlp(hidden)) + cosine * np.asarray(head.scale)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
