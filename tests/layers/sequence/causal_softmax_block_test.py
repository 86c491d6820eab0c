"""Tests of `tfctr.layers.CausalSoftmaxBlock`."""

import numpy as np
import pytest

from tests.layers.sequence.hstu_oracle import perturbed
from tfctr.errors import InputError
from tfctr.layers import CausalSoftmaxBlock

TOKENS = np.random.default_rng(0).normal(size=(2, 5, 6)).astype("float32")


def norm(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)


def test_block_is_the_formula():
    block = CausalSoftmaxBlock(num_heads=2)
    block(TOKENS)
    for layer in block.dense.values():
        perturbed(layer)
    weights = {
        f"{name}/{w.name}": np.asarray(w)
        for name, layer in block.dense.items()
        for w in layer.weights
    }
    for user, x in enumerate(TOKENS):
        queries, keys, values = np.split(norm(x) @ weights["qkv/kernel"], 3, axis=1)
        found = np.zeros((5, 6))
        for i, h in np.ndindex(5, 2):
            part = slice(3 * h, 3 * h + 3)
            scores = keys[: i + 1, part] @ queries[i, part] / np.sqrt(3)
            raised = np.exp(scores)
            found[i, part] = raised / raised.sum() @ values[: i + 1, part]
        y = x + found @ weights["output/kernel"] + weights["output/bias"]
        hidden = norm(y) @ weights["hidden/kernel"] + weights["hidden/bias"]
        hidden = np.maximum(hidden, 0) @ weights["hidden_output/kernel"]
        expected = y + hidden + weights["hidden_output/bias"]
        np.testing.assert_allclose(block(TOKENS)[user], expected, atol=1e-4)


def test_what_comes_later_changes_nothing():
    block, changed = CausalSoftmaxBlock(num_heads=3), TOKENS.copy()
    changed[:, 3:] *= -2
    before, after = block(TOKENS), block(changed)
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert np.abs(before - after)[:, 3:].max() > 0.1


@pytest.mark.parametrize("num_heads", [0, 4])
def test_heads_that_do_not_divide_the_width_are_refused(num_heads):
    with pytest.raises(InputError, match=f"`num_heads`: received {num_heads}"):
        CausalSoftmaxBlock(num_heads)(TOKENS)
