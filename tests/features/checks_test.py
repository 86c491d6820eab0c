"""Tests of `tfctr.features.checks`."""

import pytest

from tfctr.errors import InputError
from tfctr.features.checks import check_name, check_positive


def test_names_and_numbers_that_are_right_pass():
    check_name("Thing", "größe_2")
    check_positive("thing.count", 1)
    check_positive("thing.count", None)


@pytest.mark.parametrize("name", ["", "a b", "_a", 3])
def test_wrong_name_is_shown(name):
    with pytest.raises(InputError, match=r"`Thing\.name`") as caught:
        check_name("Thing", name)
    assert caught.value.received == repr(name)


@pytest.mark.parametrize("value", [0, -2, 1.0, "1"])
def test_wrong_number_is_shown(value):
    with pytest.raises(InputError, match=r"`thing\.count`") as caught:
        check_positive("thing.count", value)
    assert caught.value.received == repr(value)
