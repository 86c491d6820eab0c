"""Tests of `tfctr.layers.interaction.field_pairs`."""

from itertools import combinations

import pytest

from tfctr.errors import InputError
from tfctr.layers.interaction.field_pairs import fields_and_dim, pair_places


@pytest.mark.parametrize("num_fields", [1, 2, 5])
def test_pairs_are_those_of_itertools(num_fields):
    first, second = pair_places(num_fields)
    found = list(zip(first.tolist(), second.tolist(), strict=True))
    assert found == list(combinations(range(num_fields), 2))


def test_shape_says_fields_and_width():
    assert fields_and_dim((None, 3, 4)) == (3, 4)


@pytest.mark.parametrize("shape", [(2, 3), (2, 1, 3, 4), (2, None, 4), (2, 3, None)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(InputError, match=r"`fields`: received shape \("):
        fields_and_dim(shape)
