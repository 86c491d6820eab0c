"""Tests of `tfctr.layers.AdditivePooling`."""

import numpy as np
import pytest

from tests.layers.sequence.event_gru_test import EVENTS, MASK, randomised, sigmoid
from tfctr.errors import InputError
from tfctr.layers import AdditivePooling

QUERY = np.random.default_rng(3).normal(size=(3, 4)).astype("float32")


def test_equals_the_equation_row_by_row():
    layer = randomised(AdditivePooling(3), QUERY.shape, EVENTS.shape)
    by_query, by_event, to_score = layer.get_weights()
    pooled = layer(QUERY, EVENTS, events_mask=MASK)
    for row, length in enumerate([5, 2]):
        events = EVENTS[row, :length]
        weights = sigmoid(QUERY[row] @ by_query + events @ by_event) @ to_score
        expected = (weights * events).sum(axis=0)
        np.testing.assert_allclose(pooled[row], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(pooled[2], np.zeros(2))


def test_weights_are_not_normalised():
    layer, once = AdditivePooling(3), EVENTS[:, :1]
    twice = np.repeat(once, 2, axis=1)
    np.testing.assert_allclose(layer(QUERY, twice), 2 * layer(QUERY, once), rtol=1e-5)


def test_padding_may_hold_anything():
    layer, events = AdditivePooling(3), EVENTS.copy()
    events[~MASK] = np.inf
    np.testing.assert_array_equal(
        layer(QUERY, events, events_mask=MASK), layer(QUERY, EVENTS, events_mask=MASK)
    )


def test_width_has_to_be_positive():
    with pytest.raises(InputError, match="`units`: received 0"):
        AdditivePooling(0)
