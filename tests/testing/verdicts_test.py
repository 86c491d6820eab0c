"""Tests of `tfctr.testing.verdicts`."""

import keras
import numpy as np
import pytest

from tests.testing.faults import assert_caught
from tfctr.testing.verdicts import as_arrays, require, require_close, require_finite


def test_a_broken_law_is_told_with_what_was_found():
    with pytest.raises(AssertionError, match=r"^Broken law: rows add up\. 3 is not 4"):
        require(False, "rows add up", "3 is not 4.")


def test_unlike_values_are_shown_with_their_place():
    assert_caught(
        r"same\. click at \(1,\) is 2\.0 instead of 3\.0",
        lambda: require_close(
            {"click": np.array([1.0, 2.0])}, {"click": np.array([1.0, 3.0])}, "same"
        ),
    )


def test_nan_equals_nan_only():
    nan = np.array([np.nan])
    require_close(nan, nan, "same")
    assert_caught("nan instead of 1", lambda: require_close(nan, np.ones(1), "same"))


def test_shapes_do_not_broadcast():
    assert_caught(
        r"shape \(2,\) instead of \(1,\)",
        lambda: require_close(np.ones(2), np.ones(1), "same"),
    )


def test_structures_must_agree():
    one = np.ones(1)
    assert_caught(
        "differ in structure",
        lambda: require_close({"a": one, "b": one}, {"a": one}, "same"),
    )


def test_infinity_is_not_finite():
    assert_caught(
        "a is not finite", lambda: require_finite({"a": np.array([np.inf])}, "finite")
    )


def test_bfloat16_can_be_read():
    half = keras.ops.cast(np.ones(2, "float32"), "bfloat16")
    assert as_arrays({"a": half})["a"].tolist() == [1.0, 1.0]
