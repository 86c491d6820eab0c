"""Tests of `tfctr.models.timed_history`."""

import numpy as np
import pytest

from tests.features.shop import small_schema
from tests.models.data import SIZED, rows
from tfctr.errors import InputError
from tfctr.features import Categorical, Sequence, Timestamp
from tfctr.models.timed_history import (
    TimedHistory,
    event_means,
    histories_of,
    request_time_of,
    without_padding,
)

X, _, _ = rows(10)
ITEM = Categorical("item_id")


def test_columns_of_a_history_with_times():
    assert histories_of(SIZED) == {
        "history": TimedHistory(
            "history",
            ("item_id", "category", "price", "picture"),
            ("history_action", "history_time_month"),
            "history_time",
        )
    }


def test_request_time_is_that_of_the_schema_in_its_zone():
    assert request_time_of(SIZED) == ("time", "Europe/Berlin")


def test_schema_without_request_time_is_refused():
    schema = small_schema(context=[Timestamp("time")])
    with pytest.raises(InputError, match="`timestamp`: received none in the schema"):
        request_time_of(schema)


def test_history_without_times_is_refused():
    schema = small_schema(sequences=[Sequence("history", (ITEM,), max_length=3)])
    with pytest.raises(InputError, match=r"\['history'\], none with a timestamp"):
        histories_of(schema)


def test_history_that_shares_nothing_with_the_item_is_refused():
    query = Sequence("searches", (Categorical("query"),), Timestamp("time"))
    with pytest.raises(InputError, match=r"`searches`: .*query.*of \['item_id'\]"):
        histories_of(small_schema(sequences=[query]))


def test_means_are_those_of_real_events():
    mask = X["history_long_item_id"] != 0
    mask[0] = False
    vectors = np.random.default_rng(0).normal(size=(*mask.shape, 3)).astype("float32")
    fields = {"history_long_item_id": vectors, "history_item_id": None}
    (found,) = event_means(SIZED, "history_long", fields, mask)
    for row, real in enumerate(mask):
        expected = vectors[row, real].mean(axis=0) if real.any() else np.zeros(3)
        np.testing.assert_allclose(found[row], expected, rtol=1e-5, atol=1e-7)


def test_histories_end_at_the_last_real_event_of_the_batch():
    x = {name: value.copy() for name, value in X.items()}
    for name in x:
        if name.startswith("history_") and not name.startswith("history_long"):
            x[name][:, 2:] = 0
    x["history_item_id"][3, 1] = 5
    found = without_padding(SIZED, x)
    assert found["history_time"].shape == (10, 2)
    assert found["history_picture"].shape == (10, 2, 3)
    assert found["history_long_item_id"].shape == (10, 6)
    np.testing.assert_array_equal(
        found["history_category"], x["history_category"][:, :2]
    )
    np.testing.assert_array_equal(found["price"], x["price"])


def test_one_step_stays_where_nobody_has_a_history():
    x = {**X, "history_item_id": np.zeros_like(X["history_item_id"])}
    assert without_padding(SIZED, x)["history_item_id"].shape == (10, 1)
