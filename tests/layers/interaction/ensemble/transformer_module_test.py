"""Tests of `tfctr.layers.TransformerModule`: C5, in numpy."""

import numpy as np
import pytest

from tests.layers.interaction.ensemble.reference import X, check, dense, made, norm
from tfctr import layers
from tfctr.errors import InputError


def test_transformer():
    layer = made(layers.TransformerModule, num_heads=2, feedforward_units=5)
    query, key, value, output = (
        np.asarray(getattr(layer, f"{name}_kernel"))
        for name in ("query", "key", "value", "attention_output")
    )
    rows = []
    for row in X:
        heads = []
        for own in (slice(0, 3), slice(3, 6)):
            scores = (row @ query[:, own]) @ (row @ key[:, own]).T / np.sqrt(3)
            powers = np.exp(scores)
            weights = powers / powers.sum(axis=-1, keepdims=True)
            heads.append(weights @ (row @ value[:, own]))
        rows.append(row + np.concatenate(heads, axis=-1) @ output)
    hidden = norm(layer.norms[0], np.stack(rows))
    first, second = layer.feedforward.dense_layers
    inner = dense(second, np.maximum(dense(first, hidden), 0))
    check(layer, norm(layer.norms[1], hidden + inner))


def test_attention_knows_no_order():
    layer = made(layers.TransformerModule, num_heads=3)
    order = [2, 0, 3, 1]
    expected = np.asarray(layer.interact(X))[:, order]
    np.testing.assert_allclose(layer.interact(X[:, order]), expected, atol=1e-5)


def test_heads_must_divide_the_width():
    with pytest.raises(InputError, match=r"`num_heads`: received 4.*width, 6"):
        layers.TransformerModule(4)(X)


@pytest.mark.parametrize(
    ("cls", "arguments", "field"),
    [
        (layers.TransformerModule, {"num_heads": 0}, "num_heads"),
    ],
)
def test_bad_arguments_are_refused(cls, arguments, field):
    with pytest.raises(InputError, match=f"`{field}`: received"):
        cls(**arguments)
