"""Tests of `tfctr.models.baselines.two_sides`."""

import numpy as np
import pytest

from tests.models.data import SIZED, USER_ROLES, made, part, rows
from tfctr.models.baselines.two_sides import TwoSides, flat

X, _, _ = rows(6)


def test_base_says_what_a_model_has_to_write():
    model = TwoSides(SIZED, dim=4)
    with pytest.raises(NotImplementedError, match="TwoSides"):
        model.encode_side("user", X["age"], training=False)
    with pytest.raises(NotImplementedError, match="TwoSides"):
        model.compare(X["age"], X["age"])


def test_fields_lie_side_by_side():
    fields = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(flat(fields), fields.reshape(2, 12))


@pytest.mark.parametrize("name", ["TwoTower", "VectorProduct", "COLD"])
def test_each_side_is_encoded_without_the_other(name):
    model = made(name)
    assert model.embed(part(X, USER_ROLES)).keys() == {"user"}
    assert model.embed(part(X, ["item"])).keys() == {"item"}
    both = model.embed(X)
    np.testing.assert_array_equal(
        both["user"], model.embed(part(X, USER_ROLES))["user"]
    )
