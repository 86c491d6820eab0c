"""Tests of `tfctr.models.PLE`."""

import dataclasses

import numpy as np
import pytest

from tests.models.data import SIZED, made, rows
from tfctr.errors import InputError
from tfctr.features import Label
from tfctr.models import PLE

X, _, _ = rows(16)


@pytest.mark.parametrize("num_levels", [1, 3])
def test_towers_take_the_last_of_the_levels(num_levels):
    model = made("PLE", num_levels=num_levels)
    hidden = np.asarray(model.embeddings(X)).reshape(16, -1)
    for level in model.levels:
        hidden = level(hidden)
    assert hidden.shape == (16, 2, 8)
    assert [level.last for level in model.levels] == [False] * (num_levels - 1) + [True]
    for place, logits in enumerate(model(X).values()):
        tower = model.towers.towers[place]
        expected = model.towers.output_layers[place](tower(hidden[:, place]))
        np.testing.assert_allclose(logits, expected[:, 0], rtol=1e-4, atol=1e-4)


def test_bad_arguments_are_refused():
    with pytest.raises(InputError, match="`num_levels`: received 0"):
        PLE(SIZED, num_levels=0)
    shared = dataclasses.replace(SIZED, labels=(Label("shared"),))
    with pytest.raises(InputError, match="`tasks`: received shared"):
        PLE(shared)
