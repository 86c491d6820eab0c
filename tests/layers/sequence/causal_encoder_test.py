"""Tests of `tfctr.layers.CausalEncoder`: C7 of the methods file of DHEN."""

import numpy as np
import pytest

from tests.layers.sequence.hstu_oracle import perturbed
from tfctr.errors import InputError
from tfctr.layers import CausalEncoder

RNG = np.random.default_rng(0)
EVENTS = RNG.normal(size=(3, 6, 4)).astype("float32")
LENGTH = np.array([6, 4, 0])
AGES = RNG.integers(-1, 72, (3, 6))


@pytest.fixture
def encoder():
    made = CausalEncoder(5, num_layers=2, seed=1)
    made(EVENTS, LENGTH, AGES)
    return perturbed(made)


def test_tokens_are_events_with_places_from_the_latest_and_ages(encoder):
    places, ages = (np.asarray(encoder.rows[name]) for name in ("places", "ages"))
    tokens = EVENTS[:2].copy()
    for user, step in np.ndindex(2, 6):
        later = np.clip(LENGTH[user] - 1 - step, 0, 4)
        tokens[user, step] += places[later] + ages[AGES[user, step] + 1]
    for block in encoder.blocks:
        tokens = block(tokens)
    tokens = np.asarray(encoder.norm(tokens))
    np.testing.assert_allclose(encoder(EVENTS, LENGTH, AGES)[:2], tokens, atol=1e-5)


def test_later_events_change_nothing(encoder):
    changed = EVENTS.copy()
    changed[:, 3:] *= -2
    before, after = (np.asarray(encoder(e, LENGTH, AGES)) for e in (EVENTS, changed))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert np.abs(before - after)[:2, 3:].max() > 0.1


def test_padding_changes_nothing_and_no_event_is_finite(encoder):
    before = np.asarray(encoder(EVENTS[:, :4], LENGTH[1:2].repeat(3), AGES[:, :4]))
    after = np.asarray(encoder(EVENTS, LENGTH[1:2].repeat(3), AGES))
    np.testing.assert_allclose(before, after[:, :4], atol=1e-6)
    assert np.isfinite(encoder(EVENTS, np.zeros(3, int), AGES)).all()
    assert encoder(EVENTS[:, :0], np.zeros(3, int), AGES[:, :0]).shape == (3, 0, 4)


def test_buckets_of_ages_are_logarithms_of_seconds():
    times = np.array([[-1, 0, 900, 999, 1_000]])
    found = np.asarray(CausalEncoder.age_buckets(np.array([1_000]), times))
    expected = [-1, *(int(np.log(max(s, 1)) / 0.301) for s in (1_000, 100, 1, 0))]
    assert found.tolist() == [expected]


@pytest.mark.parametrize("name", ["max_length", "num_layers"])
def test_numbers_out_of_range_are_refused(name):
    with pytest.raises(InputError, match=f"`{name}`: received 0"):
        CausalEncoder(**{"max_length": 3, name: 0})


def test_ages_that_are_wanted_and_missing_are_refused():
    # Keras makes its own of errors inside of `call`.
    with pytest.raises(RuntimeError, match="`ages`: received none"):
        CausalEncoder(5)(EVENTS, LENGTH)
