"""Tests of `tfctr.training.pretrained.window`: B9 of the methods file."""

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.training.pretrained.window import Window, check_windows

TABLES = Window(100, 200)


def test_windows_of_times_and_around_others():
    assert Window.of(np.array([30, -1, 10])) == Window(10, 31)
    assert Window.around([Window(5, 9), Window(1, 7)]) == Window(1, 9)
    with pytest.raises(InputError, match="at least one time"):
        Window.of([-1])
    with pytest.raises(InputError, match="expected a span"):
        Window(3, 3)


@pytest.mark.parametrize("ranker", [Window(200, 300), Window(1000, 1001)])
def test_tables_of_an_earlier_window_pass(ranker):
    check_windows(TABLES, ranker, allow_overlap=False)


@pytest.mark.parametrize(
    ("ranker", "reason"),
    [
        (Window(199, 300), "give its labels away"),
        (Window(100, 200), "give its labels away"),
        (Window(0, 101), "give its labels away"),
        (Window(0, 100), "know what came after"),
        (None, "nobody knows"),
    ],
)
def test_others_are_refused_with_the_reason_unless_asked_for(ranker, reason):
    with pytest.raises(InputError, match=reason):
        check_windows(TABLES, ranker, allow_overlap=False)
    check_windows(TABLES, ranker, allow_overlap=True)
