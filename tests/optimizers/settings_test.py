"""Tests of `tfctr.optimizers.settings`."""

import pytest

from tfctr.errors import InputError
from tfctr.optimizers.settings import check_not_negative, check_positive


@pytest.mark.parametrize("value", [0, -1.0, float("nan")])
def test_what_is_not_positive_is_refused(value):
    with pytest.raises(InputError, match=r"`rate`: .*expected a positive number"):
        check_positive(size=1.0, rate=value)


@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_what_is_negative_is_refused(value):
    with pytest.raises(InputError, match=r"`l1`: .*expected 0 or a positive number"):
        check_not_negative(l2=1, l1=value)


def test_the_others_and_none_pass():
    check_positive(one=1, tiny=1e-9, nothing=None)
    check_not_negative(one=1, zero=0.0, nothing=None)
