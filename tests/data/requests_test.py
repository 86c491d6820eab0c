"""Tests of `tfctr.data.requests`: rows of one request together."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from tests.data import oracle
from tests.data.oracle import EVENTS, ITEMS, SPEC, USERS
from tests.features.shop import small_schema
from tfctr.data import Dataset, build_examples, group_requests, to_requests
from tfctr.errors import InputError
from tfctr.features import Categorical, Label, Sequence, Timestamp, Vocabulary

WORDS = tuple("abcdefgh")
SCHEMA = small_schema(
    user=[Categorical("user_id", vocabulary="word")],
    item=[Categorical("item_id", vocabulary="word"), Categorical("tags", max_values=2)],
    context=[Timestamp("time")],
    sequences=[
        Sequence("past", (Categorical("item_id", vocabulary="word"),), max_length=2)
    ],
    labels=[Label("click"), Label("buy", observed_if="click")],
    vocabularies=[Vocabulary("word", values=WORDS), Vocabulary("tags", values=WORDS)],
)
# Rows 0, 2 and 5 are one request; the others differ from it by user (1), by time (3)
# and by history (4).
FRAME = pd.DataFrame(
    {
        "user_id": ["a", "b", "a", "a", "a", "a"],
        "item_id": ["c", "c", "d", "e", "f", "g"],
        "tags": [["a", "b"], [], ["c"], [], [], ["d"]],
        "time": [10, 10, 10, 11, 10, 10],
        "past_item_id": [["h"], ["h"], ["h"], ["h"], ["h", "h"], ["h"]],
        "click": [1, 0, 0, 1, 0, 1],
        "buy": [1, 0, 0, 0, 0, 0],
    }
)
ID = {word: number for number, word in enumerate(WORDS, 2)}


def only_batch(**kwargs):
    batches = list(to_requests(FRAME, SCHEMA, 10, shuffle=False, **kwargs))
    assert len(batches) == 1
    return [{n: v.numpy() for n, v in part.items()} for part in batches[0]]


def test_rows_of_equal_user_context_and_history_are_one_request():
    x, y, w = only_batch()
    ids = np.where(x["candidate_mask"], x["item_id"], 0)
    base = ids[0, 0] - 2
    np.testing.assert_array_equal(
        ids - np.where(ids, base, 0), [[2, 3, 6], [2, 0, 0], [4, 0, 0], [5, 0, 0]]
    )
    assert x["time"].tolist() == [10, 10, 11, 10]
    assert x["past_item_id"].shape == (4, 2)
    assert x["tags"].shape == (4, 3, 2)
    np.testing.assert_array_equal(
        y["click"], [[1, 0, 1], [0, 0, 0], [1, 0, 0], [0] * 3]
    )
    np.testing.assert_array_equal(
        w["click"], [[1, 1, 1], [1, 0, 0], [1, 0, 0], [1, 0, 0]]
    )
    # A purchase is observed where there was a click.
    np.testing.assert_array_equal(w["buy"], [[1, 0, 1], [0, 0, 0], [1, 0, 0], [0] * 3])
    np.testing.assert_array_equal(y["buy"], [[1, 0, 0], [0, 0, 0], [0, 0, 0], [0] * 3])


def test_padded_place_repeats_the_first_candidate():
    x, _, _ = only_batch()
    padded = ~x["candidate_mask"]
    assert padded.sum() == 6
    for name in ("item_id", "tags"):
        first = np.broadcast_to(x[name][:, :1], x[name].shape)
        np.testing.assert_array_equal(x[name][padded], first[padded])


def test_long_requests_become_several():
    x, y, _ = only_batch(max_candidates=2)
    np.testing.assert_array_equal(
        x["candidate_mask"], [[1, 1], [1, 0], [1, 0], [1, 0], [1, 0]]
    )
    assert x["time"].tolist() == [10, 10, 10, 11, 10]
    np.testing.assert_array_equal(y["click"][:2], [[1, 0], [1, 0]])


def test_users_that_the_vocabulary_lacks_stay_apart():
    frame = FRAME.iloc[:2].assign(user_id=["x", "y"])
    x, _, _ = next(iter(to_requests(frame, SCHEMA, shuffle=False)))
    assert x["user_id"][0] == x["user_id"][1]
    assert len(x["item_id"]) == 2


@pytest.fixture(scope="module")
def dataset():
    schema = oracle.schema()
    spec = dataclasses.replace(SPEC, negatives_per_positive=1)
    parts = build_examples(EVENTS, USERS, ITEMS, schema, spec)
    state = schema.fit(parts["train"])
    tables = {"events": EVENTS, "users": USERS, "items": ITEMS}
    return Dataset("tiny", state.schema, state, **parts, **tables)


def test_requests_of_a_data_set_hold_each_of_its_rows_once(dataset):
    keys = ["user_id", "timestamp"]
    expected = sorted(dataset.train.groupby(keys).size())
    found, likes = [], 0.0
    for _, y, w in dataset.to_requests("train", 3):
        found += w["like"].numpy().sum(1).astype(int).tolist()
        likes += float(y["like"].numpy().sum())
    assert sorted(found) == expected
    assert max(expected) > 1
    assert likes == dataset.train["like"].sum()


def test_batches_hold_what_the_arrays_hold(dataset):
    whole = group_requests(dataset.schema, dataset._arrays("train"))
    done = 0
    for batch in dataset.to_requests("train", 4, shuffle=False):
        for arrays, tensors in zip(whole, batch, strict=True):
            assert arrays.keys() == tensors.keys()
            for name, tensor in tensors.items():
                rows = arrays[name][done : done + 4]
                cut = rows[:, : tensor.shape[1]] if tensor.ndim > 1 else rows
                np.testing.assert_array_equal(tensor, cut)
        done += 4
    assert done >= len(whole[0]["user_id"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda x: x.pop("past_item_id"), "past_item_id"),
        (lambda x: x.update({n: v[:0] for n, v in x.items()}), "arrays"),
    ],
    ids=["missing", "empty"],
)
def test_arrays_that_make_no_requests_are_refused(change, field):
    x = {
        "user_id": np.array([2], "int32"),
        "item_id": np.array([2], "int32"),
        "tags": np.zeros((1, 2), "int32"),
        "time": np.array([10]),
        "past_item_id": np.array([[2, 0]], "int32"),
    }
    change(x)
    with pytest.raises(InputError) as caught:
        group_requests(SCHEMA, (x, {"click": np.zeros(1, "float32")}))
    assert caught.value.field == field


def test_sizes_below_one_are_refused():
    with pytest.raises(InputError, match="max_candidates"):
        to_requests(FRAME, SCHEMA, max_candidates=0)
    with pytest.raises(InputError, match="batch_size"):
        to_requests(FRAME, SCHEMA, 0)
