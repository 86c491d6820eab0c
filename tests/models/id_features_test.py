"""Tests of `tfctr.models.id_features`."""

import numpy as np
import pytest

from tests.features.shop import SCHEMA, small_schema
from tfctr.errors import InputError
from tfctr.features import Vocabulary
from tfctr.models.id_features import (
    check_positives,
    counter_rows,
    counters,
    inputs_needed,
    row_weights,
    side_columns,
)


def test_columns_come_by_side_and_events_with_their_marker():
    columns = side_columns(SCHEMA, ["history_action"], ["item_id"])
    assert [column.name for column in columns] == ["history_action", "item_id"]
    needed = ["history_action", "history_item_id", "item_id"]
    assert inputs_needed(columns) == needed


def test_plain_ids_count_by_row_and_hashed_ones_by_two_counters():
    schema = small_schema(
        vocabularies=[Vocabulary("user_id", num_hash_buckets=40, num_hashes=3)]
    ).with_sizes({"item_id": 9})
    ids = np.array([1, 5, 5], "int32")
    assert counter_rows(schema, "item_id") == 9
    np.testing.assert_array_equal(counters(schema, "item_id", ids), ids)
    rows = np.asarray(counters(schema, "user_id", ids))
    assert rows.shape == (3, 2)
    assert rows.max() < counter_rows(schema, "user_id") == 41
    np.testing.assert_array_equal(rows[1], rows[2])


def test_feature_without_any_positive_is_refused():
    ids = {"user_id": np.array([0, 3]), "item_id": np.array([0, 0])}
    check_positives(ids, ["user_id"])
    with pytest.raises(InputError, match="`item_id`: received positives"):
        check_positives(ids, ["user_id", "item_id"])


def test_labels_and_weights_say_how_much_a_row_is_a_positive():
    y = {"click": np.array([1.0, 0.0, 1.0]), "buy": np.ones(3)}
    scores = np.zeros(3, "float32")
    weights = {"click": np.array([2.0, 3.0, 0.5])}
    assert row_weights(SCHEMA, scores, None, None).numpy().tolist() == [1, 1, 1]
    assert row_weights(SCHEMA, scores, y, weights).numpy().tolist() == [2, 0, 0.5]
    assert row_weights(SCHEMA, scores, y, np.ones(3)).numpy().tolist() == [1, 0, 1]
