"""Tests of batches from frames and data sets."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from tests.data import oracle
from tests.data.oracle import EVENTS, ITEMS, SPEC, USERS
from tfctr.data import Dataset, build_examples, synthetic, to_dataset, unpack
from tfctr.data.learning import learn
from tfctr.errors import InputError, UnknownName
from tfctr.features import (
    Categorical,
    FeatureSchema,
    Label,
    Sequence,
    Vocabulary,
    frame_to_arrays,
)


@pytest.fixture(scope="module")
def dataset():
    schema = oracle.schema()
    parts = build_examples(EVENTS, USERS, ITEMS, schema, SPEC)
    state = schema.fit(parts["train"])
    tables = {"events": EVENTS, "users": USERS, "items": ITEMS}
    return Dataset("tiny", state.schema, state, **parts, **tables)


def passes(batches, count=1):
    """Timestamps and labels of whole passes over the data."""
    return [
        [
            (x["timestamp"].numpy().tolist(), y["like"].numpy().tolist())
            for x, y in batches
        ]
        for _ in range(count)
    ]


def times(one_pass):
    return [time for batch_times, _ in one_pass for time in batch_times]


def test_batches_hold_the_encoded_rows_in_order(dataset):
    raw = frame_to_arrays(dataset.schema, dataset.train)
    expected = {name: t.numpy() for name, t in dataset.state.encode(raw).items()}
    batches = list(dataset.to_dataset("train", 5, shuffle=False))
    assert [len(y["like"]) for _, y in batches] == [5, 5, 5, 5, 4]
    for name, values in expected.items():
        found = np.concatenate([x[name].numpy() for x, _ in batches])
        np.testing.assert_array_equal(found, values)
    labels = np.concatenate([y["like"].numpy() for _, y in batches])
    np.testing.assert_array_equal(labels, dataset.train["like"])
    assert "group_id" in batches[0][0]


def test_only_train_is_shuffled_by_default(dataset):
    in_order = dataset.train["timestamp"].tolist()
    assert times(passes(dataset.to_dataset())[0]) != in_order
    validation = dataset.validation["timestamp"].tolist()
    assert times(passes(dataset.to_dataset("validation"))[0]) == validation


def test_each_pass_has_a_new_order_and_the_seed_sets_them(dataset):
    first, second = passes(dataset.to_dataset(seed=3), 2)
    again = passes(dataset.to_dataset(seed=3), 2)
    assert times(first) != times(second)
    assert sorted(times(first)) == sorted(times(second))
    assert [first, second] == again
    assert passes(dataset.to_dataset(seed=4), 1)[0] != first


def test_shuffled_labels_stay_with_their_rows(dataset):
    label_at = dict(zip(dataset.train["timestamp"], dataset.train["like"], strict=True))
    for batch_times, labels in passes(dataset.to_dataset("train", 7))[0]:
        assert [label_at[time] for time in batch_times] == labels


def test_number_of_batches_is_known(dataset):
    assert int(dataset.to_dataset("train", 10).cardinality()) == 3


def test_packed_batches_unpack_to_the_same(dataset):
    (plain, _), *_ = dataset.to_dataset(shuffle=False)
    (packed, _), *_ = dataset.to_dataset(shuffle=False, packed=True)
    assert sorted(packed) == ["packed_float32", "packed_int32", "packed_int64"]
    unpacked = unpack(dataset.schema, packed)
    assert sorted(unpacked) == sorted(plain)
    for name, values in plain.items():
        assert unpacked[name].dtype == values.dtype
        np.testing.assert_array_equal(unpacked[name], values)


def test_large_frames_are_encoded_in_pieces_to_the_same(dataset, monkeypatch):
    whole = passes(dataset.to_dataset(shuffle=False))
    monkeypatch.setattr("tfctr.data.batches.ROWS_PER_CHUNK", 7)
    frame = dataset.train
    assert passes(to_dataset(frame, dataset.state, shuffle=False)) == whole


def test_weights_come_with_labels_that_are_observed_in_part():
    user, item = [Categorical("user")], [Categorical("item")]
    labels = [Label("click"), Label("buy", observed_if="click")]
    schema = FeatureSchema(user, item, labels, user_id="user", item_id="item")
    frame = pd.DataFrame(
        {"user": ["u", "v"], "item": ["a", "b"], "click": [1, 0], "buy": [1, np.nan]}
    )
    ((_, y, w),) = to_dataset(frame, schema.fit(frame), shuffle=False)
    assert y["buy"].numpy().tolist() == [1, 0]
    assert w["buy"].numpy().tolist() == [1, 0]
    assert w["click"].numpy().tolist() == [1, 1]


def test_a_schema_that_learns_nothing_needs_no_state():
    hashed = [Vocabulary(name, num_hash_buckets=9) for name in ("user", "item")]
    user, item = [Categorical("user")], [Categorical("item")]
    schema = FeatureSchema(
        user, item, [Label("y")], user_id="user", item_id="item", vocabularies=hashed
    )
    frame = pd.DataFrame({"user": ["u"], "item": ["a"], "y": [1]})
    ((x, _),) = to_dataset(frame, schema)
    assert 1 <= int(x["user"][0]) <= 9
    learnt = dataclasses.replace(schema, vocabularies=hashed[:1])
    with pytest.raises(InputError, match=r"learns `item` from data.*schema\.fit"):
        to_dataset(frame, learnt)


def test_learning_without_histories_gives_the_whole_state(dataset):
    assert learn(oracle.schema(), dataset.train) == dataset.state
    sequence = Sequence("past", [Categorical("item_id"), Categorical("device")])
    schema = dataclasses.replace(
        oracle.schema(),
        sequences=(sequence,),
        context=(),
        timestamp=None,
        vocabularies=(),
    )
    frame = dataset.train.assign(past_item_id=[["i1"]] * 24, past_device=[["tv"]] * 24)
    assert learn(schema, frame) == schema.fit(frame)
    assert learn(schema, frame).vocabularies["device"] == ("tv",)


def test_bad_requests_are_refused(dataset):
    with pytest.raises(UnknownName, match="Did you mean 'validation'"):
        dataset.to_dataset("valid")
    with pytest.raises(InputError, match="`batch_size`: received 0"):
        dataset.to_dataset(batch_size=0)
    with pytest.raises(InputError, match="`frame`: received no rows"):
        to_dataset(dataset.train.head(0), dataset.state)
    with pytest.raises(InputError, match="device"):
        to_dataset(dataset.train.drop(columns="device"), dataset.state)


def test_a_part_is_encoded_once(dataset, monkeypatch):
    dataset.to_dataset("test")
    monkeypatch.delattr("tfctr.data.dataset.encode_frame")
    assert len(passes(dataset.to_dataset("test"))[0]) == 1


def test_a_dataset_of_another_kind_has_batches_too():
    data = synthetic(200, 10, 20, history_length=0)
    assert sum(len(y["click"]) for _, y in data.to_dataset()) == len(data.train)
