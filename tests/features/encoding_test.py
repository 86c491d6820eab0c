"""Tests of `tfctr.features.encoding`, mostly through `SchemaState.encode`."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.features.oracles import bucket, encode_arrays
from tests.features.shop import SCHEMA, shop_frame, small_schema
from tfctr.errors import InputError
from tfctr.features import (
    Categorical,
    Encoder,
    Numeric,
    SchemaState,
    Timestamp,
    Vector,
    Vocabulary,
    frame_to_arrays,
)
from tfctr.features.encoding import text_values

IDS = {"user_id": ("u",), "item_id": ("i",)}


def state_with(feature, values=None, moments=(), vocabulary=None):
    """State of a schema with one feature of the context."""
    schema = small_schema(
        context=[feature],
        vocabularies=[] if vocabulary is None else [vocabulary],
    )
    learnt = {} if values is None else {feature.name: values}
    return SchemaState(schema, {**IDS, **learnt}, dict(moments))


def encode(state, name, values, dtype=None):
    return state.encode({name: tf.constant(values, dtype)})[name].numpy()


def test_missing_is_0_unknown_is_1_and_values_follow_in_order():
    state = state_with(Categorical("colour"), ("red", "blue"))
    ids = encode(state, "colour", ["blue", "red", "", "pink", "redd"])
    assert ids.tolist() == [3, 2, 0, 1, 1]
    assert ids.dtype == np.int32


def test_unknown_values_spread_over_their_rows_by_hash():
    vocabulary = Vocabulary("colour", num_oov=4)
    state = state_with(Categorical("colour"), ("red",), vocabulary=vocabulary)
    unknown = [f"colour {k}" for k in range(20)]
    ids = encode(state, "colour", [*unknown, "red", ""])
    assert ids.tolist() == [*(1 + bucket(u, 4) for u in unknown), 5, 0]
    assert set(ids[:20]) == {1, 2, 3, 4}


def test_fixed_values_keep_their_order():
    vocabulary = Vocabulary("size", values=("s", "m", "l"))
    state = state_with(Categorical("size"), vocabulary=vocabulary)
    assert encode(state, "size", ["l", "m", "s", "xl", ""]).tolist() == [4, 3, 2, 1, 0]


def test_fixed_vocabulary_may_be_empty():
    vocabulary = Vocabulary("size", values=(), num_oov=2)
    state = state_with(Categorical("size"), vocabulary=vocabulary)
    assert encode(state, "size", ["l", ""]).tolist() == [1 + bucket("l", 2), 0]


def test_hashed_values_have_rows_from_1():
    vocabulary = Vocabulary("url", num_hash_buckets=3)
    state = state_with(Categorical("url"), vocabulary=vocabulary)
    urls = [f"/page/{k}" for k in range(12)]
    ids = encode(state, "url", [*urls, ""])
    assert ids.tolist() == [*(1 + bucket(url, 3) for url in urls), 0]
    assert set(ids) == {0, 1, 2, 3}


def test_integer_ids_are_looked_up_by_their_decimal_text():
    state = state_with(Categorical("shop", dtype="int64"), ("7", "-5", str(2**60)))
    ids = encode(state, "shop", [-1, 7, -5, 2**60, 8, 0], tf.int64)
    assert ids.tolist() == [0, 2, 3, 4, 1, 1]


def test_hashed_integer_ids_hash_their_text():
    vocabulary = Vocabulary("shop", num_hash_buckets=50)
    state = state_with(Categorical("shop", dtype="int64"), vocabulary=vocabulary)
    ids = encode(state, "shop", [-1, 12], tf.int64)
    assert ids.tolist() == [0, 1 + bucket("12", 50)]


def test_vocabulary_that_learnt_nothing_knows_nothing():
    state = state_with(Categorical("colour"), ())
    assert encode(state, "colour", ["red", ""]).tolist() == [1, 0]


def test_values_of_any_alphabet_are_found():
    state = state_with(Categorical("colour"), ("größe", "赤", "a b\t"))
    assert encode(state, "colour", ["a b\t", "赤", "größe"]).tolist() == [4, 3, 2]


def test_numbers_are_standardised_and_unknown_ones_become_0():
    state = state_with(Numeric("n"), moments={"n": (10.0, 4.0)})
    values = [12.0, 10.0, math.nan, math.inf, -math.inf, 2.0]
    assert encode(state, "n", values).tolist() == [0.5, 0.0, 0.0, 0.0, 0.0, -2.0]


def test_logs_are_of_one_plus_the_positive_part():
    feature = Numeric("n", transform="log_standardize")
    state = state_with(feature, moments={"n": (1.0, 2.0)})
    numbers = encode(state, "n", [math.e - 1, math.e**3 - 1, 0.0, -5.0, math.nan])
    np.testing.assert_allclose(numbers, [0.0, 1.0, -0.5, -0.5, 0.0], atol=1e-6)


def test_numbers_without_transform_stay_as_they_are():
    state = state_with(Numeric("n", transform="none"))
    assert encode(state, "n", [1.5, math.nan, -math.inf]).tolist() == [1.5, 0.0, 0.0]


def test_number_without_moments_is_refused():
    state = state_with(Numeric("n"))
    with pytest.raises(InputError, match="`n`: received no moments"):
        encode(state, "n", [1.0])


def test_vectors_keep_their_values_or_are_missing_as_a_whole():
    state = state_with(Vector("v", dim=3))
    values = [[1.0, -2.0, 3.0], [math.nan] * 3, [math.inf, 0.5, math.nan]]
    encoded = encode(state, "v", values)
    assert encoded.tolist() == [[1.0, -2.0, 3.0], [0.0] * 3, [0.0] * 3]


def test_vectors_of_another_width_are_refused():
    state = state_with(Vector("v", dim=3))
    with pytest.raises(InputError, match=r"`v`: received vectors of width 2.*width 3"):
        encode(state, "v", [[1.0, 2.0]])
    with pytest.raises(InputError, match="`v`: received one number"):
        encode(state, "v", 1.0)


def test_times_stay_and_bring_their_calendar():
    feature = Timestamp("t", time_zone="Asia/Kolkata", calendar=("hour", "day"))
    # 1970-01-01 00:00 UTC is 05:30 on the 1st in Kolkata.
    encoded = state_with(feature).encode({"t": tf.constant([0, -1], tf.int64)})
    assert encoded["t"].numpy().tolist() == [0, -1]
    assert encoded["t_hour"].numpy().tolist() == [1 + 5, 0]
    assert encoded["t_day"].numpy().tolist() == [1 + 0, 0]


def test_columns_that_are_left_out_are_left_out_of_the_result():
    state = SCHEMA.fit(shop_frame())
    assert set(state.encode({"device": tf.constant(["phone"])})) == {"device"}
    assert state.encode({"unrelated": tf.constant(["x"])}) == {}


def test_group_is_told_by_the_user_id_whether_known_or_not():
    state = state_with(Numeric("n", transform="none"))
    users = tf.constant(["u", "new", "newer", "u", ""])
    encoded = state.encode({"user_id": users})
    groups = encoded["group_id"].numpy().tolist()
    assert encoded["user_id"].numpy().tolist() == [2, 1, 1, 2, 0]
    assert groups[0] == groups[3] == bucket("u", 2**63 - 1)
    assert len(set(groups)) == 4
    assert encoded["group_id"].dtype == tf.int64


def test_integer_users_have_groups_too():
    schema = small_schema(user=[Categorical("user_id", dtype="int64")])
    state = SchemaState(schema, {"user_id": ("1",), "item_id": ("i",)}, {})
    groups = encode(state, "user_id", [1, 2], tf.int64)
    assert groups.tolist() == [2, 1]
    encoded = state.encode({"user_id": tf.constant([1, 2], tf.int64)})
    assert encoded["group_id"].numpy().tolist() == [
        bucket("1", 2**63 - 1),
        bucket("2", 2**63 - 1),
    ]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("age", np.zeros(2), "dtype float64, expected dtype float32"),
        ("brand", np.zeros(2, "int32"), "dtype int32, expected dtype int64"),
        ("user_id", np.zeros(2, "int64"), "dtype int64, expected dtype string"),
        ("time", np.zeros(2, "float32"), "dtype float32, expected dtype int64"),
    ],
)
def test_wrong_dtype_is_refused_by_name(name, value, text):
    with pytest.raises(InputError, match=text) as caught:
        SCHEMA.fit(shop_frame()).encode({name: value})
    assert caught.value.field == name


def test_every_kind_and_role_equals_plain_python():
    frame = shop_frame(40)
    state = SCHEMA.fit(shop_frame(15, seed=1))  # so that some values are unknown
    raw = frame_to_arrays(SCHEMA, frame)
    expected = encode_arrays(state, raw)
    encoded = state.encode({name: _tensor(value) for name, value in raw.items()})
    assert set(encoded) - {"group_id"} == set(expected)
    for column in state.schema.encoded_columns():
        values = encoded[column.name].numpy()
        np.testing.assert_allclose(
            values, expected[column.name], rtol=1e-5, atol=1e-6, err_msg=column.name
        )
        assert values.dtype == column.dtype
        assert values.shape == (40, *column.shape)


def test_leading_dimensions_are_kept():
    state, raw = SCHEMA.fit(shop_frame()), frame_to_arrays(SCHEMA, shop_frame(12))
    flat = {name: _tensor(value) for name, value in raw.items()}
    nested = {n: tf.reshape(v, (3, 4, *v.shape[1:])) for n, v in flat.items()}
    expected = state.encode(flat)
    for name, values in state.encode(nested).items():
        assert values.shape[:2] == (3, 4)
        np.testing.assert_array_equal(
            tf.reshape(values, expected[name].shape), expected[name]
        )


def test_single_values_without_batch_are_encoded():
    state = state_with(Categorical("colour"), ("red",))
    assert int(state.encode({"colour": tf.constant("red")})["colour"]) == 2


def test_encoding_is_the_same_in_a_traced_function():
    state, raw = SCHEMA.fit(shop_frame()), frame_to_arrays(SCHEMA, shop_frame(9))
    raw = {name: _tensor(value) for name, value in raw.items()}
    traced = tf.function(Encoder(state))(raw)
    for name, values in state.encode(raw).items():
        np.testing.assert_allclose(traced[name], values, rtol=1e-6)


def test_text_of_missing_integers_is_empty():
    text = text_values(tf.constant([-1, 0, -12], tf.int64))
    assert text.numpy().tolist() == [b"", b"0", b"-12"]


def _tensor(values):
    return tf.constant(values, tf.string if values.dtype == object else None)
