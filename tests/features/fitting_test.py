"""Tests of `FeatureSchema.fit`."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.oracles import dense_frame
from tests.features.shop import SCHEMA, shop_frame, small_schema
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, Numeric, Sequence, Vocabulary
from tfctr.features.fitting import rank_values


def fit_users(users, **settings):
    """Vocabulary of the user ids of a frame."""
    dtype = "string" if isinstance(users[0], str) else "int64"
    schema = small_schema(
        user=[Categorical("user_id", dtype=dtype)],
        vocabularies=[Vocabulary("user_id", **settings)],
    )
    frame = pd.DataFrame({"user_id": users, "item_id": "i"})
    return schema.fit(frame).vocabularies["user_id"]


def fit_number(values, **kwargs):
    schema = small_schema(context=[Numeric("n", **kwargs)])
    frame = pd.DataFrame({"user_id": "u", "item_id": "i", "n": values})
    return schema.fit(frame).moments["n"]


def test_values_come_by_falling_count_and_ties_by_falling_value():
    assert fit_users([*"bcabda", "é"]) == ("b", "a", "é", "d", "c")


def test_ties_are_broken_by_bytes_as_tft_does():
    # By code points "é" is before "z"; by UTF-8 bytes it is after all of ASCII.
    assert rank_values(Vocabulary("v"), {"z": 1, "é": 1, "Z": 1}) == ["é", "z", "Z"]


def test_rare_values_are_left_out():
    assert fit_users(list("aabbbc"), min_count=2) == ("b", "a")


def test_largest_vocabulary_keeps_the_most_frequent():
    assert fit_users(list("aabbbcd"), max_size=3) == ("b", "a", "d")


def test_missing_values_are_not_learnt():
    assert fit_users(["a", "", None]) == ("a",)


def test_integer_ids_are_learnt_as_text_without_the_missing():
    assert fit_users([10, 9, -1, -1, -1, 10, -7]) == ("10", "9", "-7")


def test_values_with_line_breaks_are_left_out_as_in_tft():
    assert fit_users(["a\nb", "a\rb", "ab"]) == ("ab",)


def test_features_of_one_vocabulary_are_counted_together():
    schema = small_schema(
        user=[Categorical("user_id"), Categorical("favourite", vocabulary="colour")],
        item=[Categorical("item_id"), Categorical("colour", max_values=3)],
    )
    frame = pd.DataFrame(
        {
            "user_id": ["u", "v"],
            "item_id": ["i", "j"],
            "favourite": ["red", "blue"],
            "colour": [["red", "green", "green"], ["green"]],
        }
    )
    assert schema.fit(frame).vocabularies["colour"] == ("green", "red", "blue")


def test_histories_do_not_count_where_examples_have_the_vocabulary():
    history = Sequence("history", (Categorical("item_id"), Categorical("action")))
    frame = pd.DataFrame(
        {
            "user_id": ["u"],
            "item_id": ["new"],
            "history_item_id": [["old", "old", "new"]],
            "history_action": [["view", "buy", "view"]],
        }
    )
    state = small_schema(sequences=[history]).fit(frame)
    assert state.vocabularies["item_id"] == ("new",)
    assert state.vocabularies["action"] == ("view", "buy")


def test_only_what_the_schema_keeps_of_a_list_is_learnt():
    schema = small_schema(item=[Categorical("item_id"), Categorical("t", max_values=1)])
    frame = pd.DataFrame({"user_id": ["u"], "item_id": ["i"], "t": [["a", "b"]]})
    assert schema.fit(frame).vocabularies["t"] == ("a",)


def test_fixed_and_hashed_vocabularies_are_not_learnt():
    state = SCHEMA.fit(shop_frame())
    assert set(state.vocabularies) == {"user_id", "category", "item_id", "action"}


def test_whole_state_equals_plain_counting():
    frame = shop_frame(80)
    raw, state = dense_frame(SCHEMA, frame), SCHEMA.fit(frame)
    columns = {
        "user_id": ["user_id"],
        "item_id": ["item_id"],
        "category": ["interests", "category"],
        "action": ["history_action"],
    }
    for vocabulary, names in columns.items():
        counts = Counter(v for name in names for v in raw[name].reshape(-1) if v)
        smallest = 2 if vocabulary == "item_id" else 1
        order = sorted(counts, key=lambda v: (counts[v], v.encode()), reverse=True)
        expected = [value for value in order if counts[value] >= smallest]
        assert list(state.vocabularies[vocabulary]) == expected
        oov = 2 if vocabulary == "item_id" else 1
        assert state.schema.size(vocabulary) == 1 + oov + len(expected)


@pytest.mark.parametrize("transform", ["standardize", "log_standardize"])
def test_moments_equal_numpy(transform):
    values = np.float32([3, -4, np.nan, 0, 1e6, np.inf, 0.25])
    known = values[np.isfinite(values)].astype("float64")
    if transform == "log_standardize":
        known = np.log1p(np.maximum(known, 0))
    moments = fit_number(values, transform=transform)
    np.testing.assert_allclose(moments, [known.mean(), known.std()], rtol=1e-12)


@pytest.mark.parametrize("transform", ["standardize", "log_standardize"])
@pytest.mark.parametrize("value", [0.0, 0.1, 7.3, 1e9])
def test_scale_of_a_constant_is_one(transform, value):
    mean, scale = fit_number([value] * 1001 + [None], transform=transform)
    expected = np.log1p(np.float32(value)) if "log" in transform else value
    assert scale == 1.0
    assert mean == pytest.approx(expected, rel=1e-6)


def test_number_that_is_never_known_has_neutral_moments():
    assert fit_number([None, float("nan")]) == (0.0, 1.0)


def test_numbers_in_histories_have_moments_of_their_own():
    state = SCHEMA.fit(shop_frame(30))
    assert set(state.moments) == {"age", "price", "history_price"}
    prices = dense_frame(SCHEMA, shop_frame(30))["history_price"].astype("float64")
    known = np.log1p(prices[np.isfinite(prices)])
    expected = [known.mean(), known.std()]
    np.testing.assert_allclose(state.moments["history_price"], expected)


@given(cuts=st.lists(st.integers(0, 50), max_size=4))
@settings(max_examples=15, deadline=None)
def test_batches_in_any_split_give_the_state_of_the_whole(cuts):
    frame, bounds = shop_frame(50), [0, *sorted(cuts), 50]
    batches = [dense_frame(SCHEMA, frame[a:b]) for a, b in pairwise(bounds)]
    whole, split = SCHEMA.fit(frame), SCHEMA.fit(batches)
    assert split.vocabularies == whole.vocabularies
    for name, moments in whole.moments.items():
        np.testing.assert_allclose(split.moments[name], moments, rtol=1e-12)


@pytest.mark.parametrize("with_labels", [False, True])
def test_batches_may_be_tensors_of_a_dataset(with_labels):
    frame = shop_frame(20)
    raw = dense_frame(SCHEMA, frame)
    raw = {k: v.tolist() if v.dtype == object else v for k, v in raw.items()}
    data = tf.data.Dataset.from_tensor_slices(raw).batch(7)
    if with_labels:
        data = data.map(lambda x: (x, {"click": tf.zeros(tf.shape(x["age"]))}))
    assert SCHEMA.fit(data).vocabularies == SCHEMA.fit(frame).vocabularies


def test_batches_may_be_frames():
    frame = shop_frame(20)
    assert (
        SCHEMA.fit([frame[:9], frame[9:]]).vocabularies
        == SCHEMA.fit(frame).vocabularies
    )


@pytest.mark.parametrize("data", [shop_frame(3)[:0], [], [shop_frame(3)[:0]]])
def test_data_without_rows_is_refused(data):
    with pytest.raises(InputError, match="`data`: received no rows"):
        SCHEMA.fit(data)


@pytest.mark.parametrize("wrap", [lambda f: f, lambda f: [f.to_dict("series")]])
def test_missing_column_is_refused(wrap):
    with pytest.raises(UnknownName, match="column age"):
        SCHEMA.fit(wrap(shop_frame(3).drop(columns="age")))


def test_text_that_is_not_utf8_is_refused():
    frame = pd.DataFrame({"user_id": [b"caf\xe9"], "item_id": ["i"]})
    with pytest.raises(InputError, match=r"`user_id`: .*caf.*UTF-8"):
        small_schema().fit(frame)


def test_bytes_and_text_are_one_value():
    frame = pd.DataFrame({"user_id": ["é", "é".encode(), "a"], "item_id": "i"})
    assert small_schema().fit(frame).vocabularies["user_id"] == ("é", "a")
