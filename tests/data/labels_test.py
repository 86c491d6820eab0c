"""Tests of labels of whole columns."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.shop import small_schema
from tfctr.data.behaviour import BehaviourSpec, LabelRule, label_value
from tfctr.data.labels import check_classes, check_rules, label_values
from tfctr.errors import InputError
from tfctr.features import Label

RULES = [
    LabelRule("c", at_least=3),
    LabelRule("c", equals=3),
    LabelRule("c", equals="buy"),
]
NUMBERS = st.one_of(st.none(), st.integers(0, 5), st.floats(0, 5), st.just(""))


@settings(deadline=None)
@given(st.lists(NUMBERS), st.sampled_from(RULES))
def test_columns_have_the_labels_of_their_cells(values, rule):
    expected = [label_value(rule, {"c": value}) for value in values]
    cells = pd.Series(values, name="c", dtype=object)
    np.testing.assert_array_equal(label_values(rule, cells), expected)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["buy", "view", None, ""])))
def test_texts_are_compared_as_a_whole(values):
    expected = [label_value(RULES[2], {"c": value}) for value in values]
    cells = pd.Series(values, name="c", dtype=object)
    np.testing.assert_array_equal(label_values(RULES[2], cells), expected)


def test_texts_that_hold_numbers_are_numbers():
    cells = pd.Series(["2", "3.5"], name="c")
    assert label_values(RULES[0], cells).tolist() == [0.0, 1.0]


def test_a_text_among_numbers_is_named():
    cells = pd.Series([5, "x"], name="c")
    with pytest.raises(InputError, match="`c`: received 'x' in row 1 of events"):
        label_values(RULES[0], cells)


VALUED = small_schema(
    labels=[Label("click"), Label("spend", observed_if="click", kind="value")]
)


def spec_of(**rules):
    return BehaviourSpec("user_id", "item_id", "time", rules)


def test_values_are_the_column_itself():
    rule = LabelRule("amount", is_value=True)
    found = label_values(rule, pd.Series([2.5, "7", None, 0]))
    np.testing.assert_array_equal(found, np.float32([2.5, 7, np.nan, 0]))
    for wrong in (-1.0, np.inf, "much"):
        with pytest.raises(InputError, match="a number"):
            label_values(rule, pd.Series([1.0, wrong], dtype=object))


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (
            {"click": LabelRule("click"), "spend": LabelRule("amount")},
            "`spend`: received a rule for 0 and 1, expected one for a value",
        ),
        (
            {"click": LabelRule("a", is_value=True), "spend": LabelRule("amount")},
            "`click`: received a rule for a value",
        ),
        (
            {"spend": LabelRule("amount", is_value=True), "click": LabelRule("click")},
            "a value as the first label",
        ),
    ],
)
def test_rules_are_of_the_kind_of_their_labels(rules, text):
    with pytest.raises(InputError, match=text):
        check_rules(VALUED, spec_of(**rules))


def test_some_value_must_be_above_0():
    rules = {"click": LabelRule("click"), "spend": LabelRule("amount", is_value=True)}
    check_rules(VALUED, spec_of(**rules))
    click = np.float32([1, 1, 0])
    check_classes(
        VALUED, {"click": click, "spend": np.float32([3, 2, np.nan])}, spec_of(**rules)
    )
    zeros = {"click": click, "spend": np.float32([0, 0, 5])}
    with pytest.raises(InputError, match="expected a value above 0"):
        check_classes(VALUED, zeros, spec_of(**rules))


def test_a_rule_has_one_condition():
    with pytest.raises(InputError, match="both `at_least` and `is_value`"):
        LabelRule("amount", at_least=1, is_value=True)
