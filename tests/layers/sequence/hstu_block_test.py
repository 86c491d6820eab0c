"""Tests of `tfctr.layers.HSTUBlock`."""

import numpy as np
import pytest

from tests.layers.sequence import hstu_oracle as oracle
from tfctr.errors import InputError
from tfctr.layers import HSTUBlock, HSTUSettings

RNG = np.random.default_rng(0)
TOKENS = RNG.normal(size=(2, 7, 6)).astype("float32")
TIMES = np.sort(RNG.integers(10**9, 10**9 + 10**6, (2, 7)), axis=1)
SETTINGS = {"num_heads": 2, "divisor": 5.0, "max_distance": 4}


def made(preset="research", **changes):
    settings = HSTUSettings.of(preset, {**SETTINGS, **changes})
    block = HSTUBlock(settings)
    block.build(TOKENS.shape)
    return oracle.perturbed(block)


def expected(block, tokens, times):
    length = tokens.shape[1]
    return [
        oracle.block(
            x,
            np.tri(length, dtype=bool),
            np.arange(length),
            t,
            oracle.weights_of(block),
            block.settings,
        )
        for x, t in zip(tokens, times, strict=True)
    ]


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("research", {}),
        ("research", {"num_heads": 3, "query_dim": 4, "value_dim": 5}),
        ("research", {"time_bias": False}),
        ("ranking", {}),
        ("ranking", {"position_bias": True, "activated": "all"}),
        ("softmax", {}),
    ],
)
def test_block_is_the_formula(preset, changes):
    block = made(preset, **changes)
    found = block(TOKENS, TIMES)
    np.testing.assert_allclose(found, expected(block, TOKENS, TIMES), atol=2e-5)


def test_what_comes_later_changes_nothing():
    block, changed = made(), TOKENS.copy()
    changed[:, 4:] = RNG.normal(size=(2, 3, 6))
    np.testing.assert_array_equal(
        block(changed, TIMES)[:, :4], block(TOKENS, TIMES)[:, :4]
    )
    assert np.abs(block(changed, TIMES) - block(TOKENS, TIMES))[:, 4:].min() > 0


def test_longer_sequence_gives_the_same_whatever_its_length():
    block = made()
    np.testing.assert_allclose(
        block(TOKENS, TIMES)[:, :3], block(TOKENS[:, :3], TIMES[:, :3]), atol=1e-5
    )


def test_keys_and_values_alone_are_those_of_the_projection():
    for preset in ("research", "ranking"):
        block = made(preset)
        keys, values = block.keys_values(TOKENS)
        projected = block.project(TOKENS)
        np.testing.assert_allclose(keys, projected.keys, atol=1e-6)
        np.testing.assert_allclose(values, projected.values, atol=1e-6)


def test_without_times_there_is_no_bias_of_time():
    block = made()
    missing = np.full_like(TIMES, -1)
    np.testing.assert_allclose(block(TOKENS), block(TOKENS, missing), atol=1e-6)
    assert np.abs(block(TOKENS) - block(TOKENS, TIMES)).max() > 1e-3


def test_block_without_a_divisor_is_refused():
    with pytest.raises(InputError, match="`divisor`: received none"):
        HSTUBlock(HSTUSettings())
