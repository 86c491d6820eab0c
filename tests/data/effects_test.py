"""Tests of what effects can look back at."""

import numpy as np
import pytest

from tfctr.data.effects import World


@pytest.mark.parametrize(
    ("user", "steps", "there"),
    [
        ([0, 0, 0, 1, 1], 1, [False, True, True, False, True]),
        ([0, 0, 0, 1, 1], 2, [False, False, True, False, False]),
        ([0, 0, 0], 1, [False, True, True]),
        ([0, 0, 0], 3, [False, False, False]),
        ([0, 0], 3, [False, False]),
    ],
)
def test_earlier_impressions_are_those_of_the_same_user(user, steps, there):
    user = np.array(user)
    item = np.arange(len(user))
    world = World(user, item, item, user, item, 9, 2, 3, 0, item)
    before, found = world.earlier(item, steps)
    assert found.tolist() == there
    assert before[found].tolist() == (item[found] - steps).tolist()
