"""Tests of `tfctr.layers.sequence.prefix_attention`."""

import numpy as np
import pytest

from tfctr.layers.sequence.prefix_attention import PrefixAttention, root_scale

RNG = np.random.default_rng(0)
QUERIES, KEYS = (RNG.normal(size=(2, n, 3, 4)).astype("float32") for n in (5, 6))
VALUES = RNG.normal(size=(2, 6, 3, 2)).astype("float32")
BIAS = RNG.normal(size=(2, 5, 6)).astype("float32")
OWN = (
    RNG.normal(size=(2, 5, 3, 4)).astype("float32"),
    RNG.normal(size=(2, 5, 3, 2)).astype("float32"),
    RNG.normal(size=(2, 5)).astype("float32"),
)
VISIBLE = np.array([[0, 1, 6, 3, 2], [2, 0, 0, 6, 5]], "int32")


def expected(kind, own):
    """One query after the other."""
    result = np.zeros((2, 5, 3, 2))
    for b, i, h in np.ndindex(2, 5, 3):
        seen = slice(0, VISIBLE[b, i])
        scores = 0.5 * KEYS[b, seen, h] @ QUERIES[b, i, h] + BIAS[b, i, seen]
        values = VALUES[b, seen, h]
        if own:
            score = 0.5 * QUERIES[b, i, h] @ OWN[0][b, i, h] + OWN[2][b, i]
            scores = np.append(scores, score)
            values = np.concatenate([values, OWN[1][b, i, h][None]])
        if kind == "silu":
            shares = scores / (1 + np.exp(-scores)) / 7
        else:
            raised = np.exp(scores)
            shares = raised / max(raised.sum(), 1e-30)
        result[b, i, h] = shares @ values
    return result


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("kind", ["silu", "softmax"])
def test_attention_is_the_formula_and_zero_where_nothing_is_seen(kind, own):
    attend = PrefixAttention(kind, divisor=7.0, scale=0.5)
    found = attend(QUERIES, KEYS, VALUES, VISIBLE, BIAS, OWN if own else None)
    np.testing.assert_allclose(found, expected(kind, own), atol=1e-5)


@pytest.mark.parametrize("kind", ["silu", "softmax"])
def test_what_is_not_seen_may_be_anything_finite(kind):
    attend = PrefixAttention(kind, divisor=7.0)
    keys, values = KEYS.copy(), VALUES.copy()
    keys[:, 3:], values[:, 3:] = 1e6, -1e6
    visible = np.minimum(VISIBLE, 3)
    found = attend(QUERIES, keys, values, visible)
    np.testing.assert_array_equal(found, attend(QUERIES, KEYS, VALUES, visible))


@pytest.mark.parametrize("kind", ["silu", "softmax"])
def test_no_keys_at_all_give_zeros(kind):
    found = PrefixAttention(kind, 7.0)(
        QUERIES, KEYS[:, :0], VALUES[:, :0], np.zeros((1, 5), "int32")
    )
    np.testing.assert_array_equal(found, np.zeros((2, 5, 3, 2)))


def test_scale_is_one_over_the_root():
    assert root_scale(25) == 0.2
