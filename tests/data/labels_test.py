"""Tests of labels of whole columns."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.shop import small_schema
from tfctr.data.behaviour import BehaviourSpec, LabelRule, label_value
from tfctr.data.labels import check_rules, label_values
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


def test_values_are_not_made_from_logs():
    schema = small_schema(labels=[Label("spend", kind="value")])
    spec = BehaviourSpec("user_id", "item_id", "time", {"spend": LabelRule("spend")})
    with pytest.raises(InputError, match="a value, from a log of events"):
        check_rules(schema, spec)
