"""Tests of `tfctr.layers.QueryPooling`."""

import numpy as np
import pytest

from tests.layers.sequence.event_gru_test import EVENTS, MASK, randomised
from tfctr.errors import InputError
from tfctr.layers import QueryPooling


def test_equals_the_equation_row_by_row():
    layer = randomised(QueryPooling(3), EVENTS.shape)
    kernel, query, bias = layer.get_weights()
    pooled = layer(EVENTS, events_mask=MASK)
    for row, length in enumerate([5, 2]):
        events = EVENTS[row, :length]
        weights = np.exp(np.tanh(events @ kernel + bias) @ query)
        expected = (weights / weights.sum() * events).sum(axis=0)
        np.testing.assert_allclose(pooled[row], expected, rtol=1e-4)
    np.testing.assert_array_equal(pooled[2], np.zeros(2))


def test_equal_events_pool_to_themselves():
    events = np.repeat(EVENTS[:, :1], 4, axis=1)
    np.testing.assert_allclose(QueryPooling(3)(events), EVENTS[:, 0], rtol=1e-5)


def test_history_without_places_pools_to_zeros():
    np.testing.assert_array_equal(QueryPooling(3)(EVENTS[:, :0]), np.zeros((3, 2)))


def test_width_has_to_be_positive():
    with pytest.raises(InputError, match="`units`: received 0"):
        QueryPooling(0)
