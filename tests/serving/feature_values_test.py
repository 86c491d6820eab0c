"""Raw values of one request as tensors of a signature."""

import numpy as np
import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, FeatureSchema, Label, Sequence, Vector
from tfctr.serving.feature_values import request_inputs
from tfctr.serving.signatures import TensorSpec

AGE = TensorSpec("age", "float32", (None,))
USER = TensorSpec("user_id", "string", (None,))
TIME = TensorSpec("time", "int64", (None,))
HISTORY = TensorSpec("history_item_id", "string", (None, 3))
GENRES = TensorSpec("history_genres", "string", (None, 2, 2))
VECTOR = TensorSpec("picture", "float32", (None, 2))
OPEN = TensorSpec("open_item_id", "string", (None, None))
OPEN_TIME = TensorSpec("open_time", "int64", (None, None))


def one(spec, value, schema=None):
    return request_inputs([spec], {spec.name: value}, schema)[spec.name]


def test_absent_features_are_missing_values_of_the_right_shape():
    inputs = request_inputs([AGE, USER, TIME, HISTORY, GENRES], {})
    assert np.isnan(inputs["age"]).tolist() == [True]
    assert inputs["age"].dtype == np.float32
    assert inputs["user_id"].tolist() == [b""]
    assert inputs["time"].tolist() == [-1]
    assert inputs["time"].dtype == np.int64
    assert inputs["history_item_id"].tolist() == [[b"", b"", b""]]
    assert inputs["history_genres"].tolist() == [2 * [[b"", b""]]]


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_none_and_nan_are_missing(missing):
    assert one(USER, missing).tolist() == [b""]
    assert one(TIME, missing).tolist() == [-1]
    assert one(HISTORY, ["a", missing]).tolist() == [[b"a", b"", b""]]


def test_short_lists_are_padded_at_the_end():
    assert one(HISTORY, ["a"]).tolist() == [[b"a", b"", b""]]
    assert one(HISTORY, []).tolist() == [[b"", b"", b""]]


def test_long_histories_keep_the_most_recent_events():
    assert one(HISTORY, list("abcde")).tolist() == [[b"c", b"d", b"e"]]
    nested = one(GENRES, [["a"], ["b", "c", "d"], []])
    assert nested.tolist() == [[[b"b", b"c"], [b"", b""]]]


def test_open_lengths_become_the_longest_given():
    inputs = request_inputs([OPEN, OPEN_TIME], {"open_item_id": ["a", "b"]})
    assert inputs["open_item_id"].tolist() == [[b"a", b"b"]]
    assert inputs["open_time"].tolist() == [[-1, -1]]
    assert request_inputs([OPEN], {})["open_item_id"].tolist() == [[b""]]


def test_arrays_and_numpy_scalars_are_taken():
    assert one(HISTORY, np.array(["a", "b"])).tolist() == [[b"a", b"b", b""]]
    assert one(TIME, np.int32(5)).tolist() == [5]
    assert one(AGE, 5).tolist() == [5.0]


@pytest.mark.parametrize(
    ("spec", "value", "text"),
    [
        (USER, 196, "`user_id`: received int 196, expected one string."),
        (TIME, 1.5, "`time`: received float 1.5, expected one int64."),
        (TIME, True, "`time`: received bool True, expected one int64."),
        (AGE, "old", "`age`: received str 'old', expected one float32."),
        (AGE, [1.0], "`age`: received list [1.0], expected one float32."),
        (HISTORY, "i1", "`history_item_id`: received 'i1', expected a list of string."),
    ],
)
def test_wrong_values_are_refused_by_name(spec, value, text):
    with pytest.raises(InputError) as caught:
        one(spec, value)
    assert str(caught.value) == text


def test_unknown_features_are_refused_with_near_names():
    with pytest.raises(UnknownName, match="Did you mean 'history_item_id'"):
        request_inputs([HISTORY, AGE], {"history_item": ["a"]})


@pytest.fixture
def schema():
    return FeatureSchema(
        user=[
            Categorical("user_id"),
            Categorical("open_item_id", max_values=2),
            Vector("picture", dim=2),
        ],
        item=[Categorical("item_id")],
        labels=[Label("click")],
        sequences=[Sequence("history", [Categorical("item_id")], max_length=3)],
        user_id="user_id",
        item_id="item_id",
    )


def test_with_a_schema_lists_of_values_keep_the_first(schema):
    assert one(OPEN, list("abc"), schema).tolist() == [[b"a", b"b"]]
    assert one(HISTORY, list("abcd"), schema).tolist() == [[b"b", b"c", b"d"]]


def test_with_a_schema_vectors_must_have_their_width(schema):
    assert one(VECTOR, [1.0, 2.0], schema).tolist() == [[1.0, 2.0]]
    assert np.isnan(one(VECTOR, None, schema)).all()
    with pytest.raises(InputError, match="`picture`: received 3 values, expected 2"):
        one(VECTOR, [1.0, 2.0, 3.0], schema)
