"""Tests of labels and weights of frames."""

import numpy as np
import pandas as pd
import pytest

from tfctr.data.targets import targets
from tfctr.errors import InputError
from tfctr.features import Categorical, FeatureSchema, Label

CLICK = Label("click")
BUY = Label("buy", observed_if="click", weight="price")
KEEP = Label("keep", observed_if="buy")
FRAME = pd.DataFrame(
    {
        "click": [1, 1, 0, 1],
        "buy": [1.0, 0.0, 1.0, 1.0],  # the third cannot be: it was never clicked
        "keep": [1.0, 1.0, 7.0, 0.0],
        "price": [2.0, 3.0, 4.0, 0.5],
    }
)


def schema(*labels):
    user, item = [Categorical("user")], [Categorical("item")]
    return FeatureSchema(user, item, labels, user_id="user", item_id="item")


def test_a_label_counts_only_where_those_it_depends_on_are_1():
    values, weights = targets(FRAME, schema(CLICK, BUY, KEEP))
    assert weights["click"].tolist() == [1, 1, 1, 1]
    assert weights["buy"].tolist() == [2, 3, 0, 0.5]
    assert weights["keep"].tolist() == [1, 0, 0, 1]
    assert values["buy"].tolist() == [1, 0, 0, 1]
    assert values["keep"].tolist() == [1, 0, 0, 0]
    assert {v.dtype.name for v in (*values.values(), *weights.values())} == {"float32"}


@pytest.mark.parametrize("value", [2, 0.5, np.nan, -1])
def test_labels_that_count_must_be_0_or_1(value):
    frame = FRAME.assign(buy=[1.0, value, np.nan, 1.0])
    with pytest.raises(InputError, match=r"`buy`: received .* in row 1 .*0 or 1"):
        targets(frame, schema(CLICK, BUY))


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_must_be_numbers_of_at_least_0(weight):
    frame = FRAME.assign(price=[1.0, 1.0, weight, 1.0])
    with pytest.raises(InputError, match=r"`price`: received .* in row 2 .*at least 0"):
        targets(frame, schema(CLICK, BUY))


@pytest.mark.parametrize("column", ["click", "price"])
def test_missing_label_and_weight_columns_are_named(column):
    with pytest.raises(InputError, match=f"`{column}`: received a frame with"):
        targets(FRAME.drop(columns=column), schema(CLICK, BUY))


def test_labels_that_wait_for_each_other_are_refused():
    first, second = Label("click", observed_if="buy"), Label("buy", observed_if="click")
    with pytest.raises(InputError, match=r"buy.*click.*circle"):
        targets(FRAME, schema(first, second))


@pytest.mark.parametrize("value", [np.nan, -0.5, np.inf, "much"])
def test_values_that_count_must_be_numbers_of_at_least_0(value):
    spend = Label("spend", observed_if="click", kind="value")
    frame = FRAME.assign(spend=pd.Series([2.5, 0.0, value, 1.0], dtype=object))
    values, _ = targets(frame, schema(CLICK, spend))
    assert values["spend"].tolist() == [2.5, 0.0, 0.0, 1.0]
    frame["spend"] = pd.Series([2.5, value, 0.0, 1.0], dtype=object)
    with pytest.raises(InputError, match="a number of at least 0"):
        targets(frame, schema(CLICK, spend))
