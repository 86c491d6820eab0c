"""Tests of `tfctr.models.compared_history`."""

import numpy as np
import pytest
from keras import ops

from tests.features.shop import small_schema
from tests.models.data import SIZED
from tfctr.errors import InputError
from tfctr.features import Categorical, Sequence, Timestamp
from tfctr.models.compared_history import ComparedHistory, compared_histories

HISTORY = ComparedHistory("seen", ("item", "category"), ("seen_action", "seen_month"))


def test_features_are_those_that_items_have_and_the_rest():
    found = compared_histories(SIZED)
    assert list(found) == [sequence.name for sequence in SIZED.sequences]
    assert found["history"].shared == ("item_id", "category", "price", "picture")
    assert found["history"].others == ("history_action", "history_time_month")


def test_schema_without_a_history_is_refused():
    with pytest.raises(InputError, match="`sequences`: received none"):
        compared_histories(small_schema(sequences=[]))


def test_history_that_shares_nothing_with_the_item_is_refused():
    query = Sequence("searches", (Categorical("query"),), Timestamp("time"))
    with pytest.raises(InputError, match=r"`searches`: .*query.*of \['item_id'\]"):
        compared_histories(small_schema(sequences=[query]))


def test_candidates_have_the_shared_features_in_the_order_of_the_history():
    fields = np.arange(2 * 3 * 2, dtype="float32").reshape(2, 3, 2)
    found = HISTORY.candidates(["category", "price", "item"], fields)
    assert ops.convert_to_numpy(found).tolist() == [[4, 5, 0, 1], [10, 11, 6, 7]]


def test_events_are_what_is_shared_and_a_projection_of_the_rest():
    fields = {
        "seen_action": np.array([[1.0, 2.0]]),
        "seen_category": np.array([[10.0, 20.0]]),
        "seen_item": np.array([[100.0, 200.0]]),
        "seen_month": np.array([[3.0, 4.0]]),
    }
    found = HISTORY.events(fields, lambda others: others * 1_000)
    assert ops.convert_to_numpy(found).tolist() == [[1_100, 2_200, 3_010, 4_020]]
    plain = ComparedHistory("seen", ("item",), ())
    assert ops.convert_to_numpy(plain.events(fields, None)).tolist() == [[100, 200]]
    assert HISTORY.columns == ["seen_item", "seen_category", *HISTORY.others]
