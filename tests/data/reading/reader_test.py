"""Tests of streaming: epochs, positions, `fit`, and what is in memory."""

import threading
import time

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.features.shop import small_schema
from tfctr.data import to_dataset
from tfctr.data.reading import read_examples
from tfctr.data.reading.reader import ExampleReader
from tfctr.errors import InputError
from tfctr.models import LogisticRegression

ROWS = 1000


@pytest.fixture(scope="module")
def frame():
    ids = [f"i{k:04}" for k in range(ROWS)]
    return pd.DataFrame(
        {"user_id": "u", "item_id": ids, "click": [float(k % 2) for k in range(ROWS)]}
    )


@pytest.fixture(scope="module")
def state(frame):
    return small_schema().fit(frame)


@pytest.fixture(scope="module")
def files(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    for k in range(4):
        part = frame[250 * k : 250 * (k + 1)]
        part.to_parquet(folder / f"{k}.parquet", row_group_size=25)
    return folder


@pytest.fixture
def reader(files, state) -> ExampleReader:
    return read_examples(files, state, 64, shuffle_rows=128, seed=3)


def stream(batches):
    """Item ids and labels of batches, as one list a batch."""
    return [
        (np.asarray(x["item_id"]).tolist(), np.asarray(y["click"]).tolist())
        for x, y in batches
    ]


def test_dataset_has_the_structure_of_to_dataset(reader, frame, state):
    found, expected = reader.dataset(), to_dataset(frame, state, 64)
    assert found.element_spec == expected.element_spec
    assert int(found.cardinality()) == int(expected.cardinality()) == 16


def test_an_epoch_holds_each_example_once_with_its_label(reader, frame, state):
    label = dict(zip(frame["item_id"], frame["click"], strict=True))
    names = ["", "?", *state.vocabularies["item_id"]]
    found = stream(reader.batches())
    items = [names[i] for ids, _ in found for i in ids]
    assert sorted(items) == sorted(frame["item_id"])
    assert [label[name] for name in items] == [v for _, labels in found for v in labels]


def test_iterations_are_epochs_and_equal_those_of_another_process(reader, files, state):
    other = read_examples(files, state, 64, shuffle_rows=128, seed=3)
    dataset = reader.dataset()
    for epoch in range(3):
        assert reader.position == (epoch, 0)
        assert stream(dataset) == stream(other.batches(epoch))
    assert stream(other.batches(0)) != stream(other.batches(1))


def test_an_iteration_that_is_given_up_counts_for_nothing(files, state):
    # Both batches are ready before the first one is taken.
    reader = read_examples(files, state, 500)
    dataset = reader.dataset()
    next(iter(dataset))
    time.sleep(0.2)
    assert reader.position == (0, 0)
    assert stream(dataset) == stream(reader.batches(0))
    assert reader.position == (1, 0)


def test_reading_starts_at_any_position_without_reading_what_is_before(
    reader, files, monkeypatch
):
    whole = stream(reader.batches(2))
    opened = []
    read = ExampleReader._read

    def counted(self, block):
        opened.append(block)
        return read(self, block)

    monkeypatch.setattr(ExampleReader, "_read", counted)
    for batch in (0, 1, 2, 13, 15, 16):
        opened.clear()
        assert stream(reader.batches(2, batch)) == whole[batch:]
    assert opened == []  # batch 16 is the end
    list(reader.batches(2, 15))
    assert len(opened) <= 5  # the last window: batches 14 and 15, 104 rows


def test_seek_moves_the_dataset(reader):
    dataset = reader.dataset()
    reader.seek(5, 14)
    iterator = iter(dataset)
    found = [next(iterator) for _ in range(2)]
    assert stream(found) == stream(reader.batches(5))[14:]
    assert reader.position == (6, 0)
    for position, text in (((-1, 0), "epoch"), ((0, 17), "batch"), ((0, -1), "batch")):
        with pytest.raises(InputError, match=f"`{text}`"):
            reader.seek(*position)


def test_shards_share_an_epoch(files, state):
    shards = [
        read_examples(files, state, 30, num_shards=3, shard_index=k, shuffle_rows=60)
        for k in range(3)
    ]
    found = [stream(shard.batches(1)) for shard in shards]
    assert {len(batches) for batches in found} == {shards[0].num_batches}
    items = [item for batches in found for ids, _ in batches for item in ids]
    assert (len(items), len(set(items))) == (ROWS, ROWS)


def test_order_does_not_depend_on_timing(reader, monkeypatch):
    expected = stream(reader.batches())
    read = ExampleReader._read

    def slow(self, block):
        time.sleep(0.005 * (block % 3))
        return read(self, block)

    monkeypatch.setattr(ExampleReader, "_read", slow)
    assert stream(reader.dataset()) == expected


def test_memory_holds_two_windows_however_long_the_data(files, state, monkeypatch):
    reader = read_examples(files, state, 50, shuffle_rows=100)
    blocks = []
    read = ExampleReader._read

    def counted(self, block):
        blocks.append(block)
        return read(self, block)

    monkeypatch.setattr(ExampleReader, "_read", counted)
    batches = reader.batches()
    for taken in range(1, reader.num_batches + 1):
        next(batches)
        time.sleep(0.01)
        windows = (taken - 1) // 2 + 2  # the current one and the next
        assert len(blocks) <= 5 * windows


def test_reading_stops_with_the_reader_of_batches(reader):
    before = threading.active_count()
    for _ in range(5):
        batches = reader.batches()
        next(batches)
        batches.close()
    time.sleep(0.2)
    assert threading.active_count() <= before


def test_fit_sees_each_epoch_whole(reader, state):
    seen = []

    class Seen(LogisticRegression):
        def compute_loss(self, x=None, y=None, *args, **kwargs):
            def note(ids, labels):
                seen.append((ids.tolist(), labels.tolist()))
                return np.int64(0)

            if not isinstance(x["item_id"], keras.KerasTensor):
                tf.numpy_function(note, [x["item_id"], y["click"]], tf.int64)
            return super().compute_loss(x, y, *args, **kwargs)

    model = Seen(state.schema)
    model.compile()
    model.fit(reader.dataset(), epochs=2, verbose=0)
    expected = stream(reader.batches(0)) + stream(reader.batches(1))
    assert seen == expected


def test_identity_tells_other_data_states_and_orders_apart(reader, files, state, frame):
    same = read_examples(files, state, 64, shuffle_rows=128, seed=3)
    assert same.identity == reader.identity
    order = read_examples(files, state, 64, shuffle_rows=128, seed=4)
    assert {k for k, v in order.identity.items() if v != reader.identity[k]} == {
        "order"
    }
    data = read_examples(files / "0.parquet", state, 64, shuffle_rows=128, seed=3)
    assert {k for k, v in data.identity.items() if v != reader.identity[k]} == {"data"}
    less = small_schema().fit(frame[:500])
    other = read_examples(files, less, 64, shuffle_rows=128, seed=3)
    assert other.identity["state"] != reader.identity["state"]
    one, two = (read_examples(f, state, 64).identity for f in (frame, frame[::-1]))
    assert one["data"] != two["data"]
