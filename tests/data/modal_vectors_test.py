"""Tests of `tfctr.data.vectors_by_row`."""

import numpy as np
import pytest

from tests.features.shop import small_schema
from tfctr.data import vectors_by_row
from tfctr.errors import InputError
from tfctr.features import Categorical, SchemaState, Vocabulary

SCHEMA = small_schema(
    item=[Categorical("item_id", dtype="int64")],
    vocabularies=[Vocabulary("item_id", num_oov=2)],
)
STATE = SchemaState(SCHEMA, {"user_id": ("u",), "item_id": ("7", "3", "5")}, {})
VECTORS = np.arange(8, dtype="float16").reshape(4, 2)


def test_vectors_stand_in_the_rows_of_their_items():
    found = vectors_by_row(STATE, [5, 9, 7, 11], VECTORS)
    raw = {
        "user_id": np.array(["u"] * 3, object),
        "item_id": np.array([5, 7, 3]),  # the last of which has no vector
    }
    ids = np.asarray(STATE.encode(raw)["item_id"])
    assert found.shape == (STATE.schema.size("item_id"), 2)
    np.testing.assert_array_equal(found[ids[:2]], VECTORS[[0, 2]])
    others = np.setdiff1d(np.arange(len(found)), ids[:2])
    assert np.isnan(found[others]).all()


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ([5, 7], r"`vectors`: received shape \(4, 2\) for 2 ids"),
        ([5, 7, 5, 3], "`ids`: received an item twice"),
        ([1, 2, 4, 6], r"`ids`: received 4 ids such as \[1, 2, 4\].*'7', '3', '5'"),
    ],
)
def test_vectors_that_fit_no_item_are_refused(ids, text):
    with pytest.raises(InputError, match=text):
        vectors_by_row(STATE, ids, VECTORS)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_vector_that_is_known_in_part_is_named_by_its_item(bad):
    vectors = VECTORS.copy()
    vectors[1, 0] = bad  # an item that the vocabulary lacks
    vectors[3] = np.nan  # a missing one
    vectors_by_row(STATE, [5, 9, 7, 3], vectors)
    vectors[2, 1] = bad
    with pytest.raises(InputError, match=r"`vectors`: received .* vector of item 7"):
        vectors_by_row(STATE, [5, 9, 7, 3], vectors)


def test_hashed_ids_have_no_rows_of_their_own():
    schema = small_schema(vocabularies=[Vocabulary("item_id", num_hash_buckets=8)])
    state = SchemaState(schema, {"user_id": ("u",)}, {})
    with pytest.raises(InputError, match="`vocabulary item_id`: received hashed ids"):
        vectors_by_row(state, ["a"], np.ones((1, 2)))
