"""Tests of `tfctr.features.OpenVocabularies`."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.features.shop import SCHEMA, shop_frame, small_schema
from tfctr.errors import InputError, UnknownName
from tfctr.features import (
    Categorical,
    OpenVocabularies,
    SchemaState,
    Sequence,
    Timestamp,
    Vocabulary,
)

OPEN = small_schema(
    user=[Categorical("user_id"), Categorical("likes", vocabulary="tag")],
    item=[
        Categorical("item_id", dtype="int64"),
        Categorical("tags", vocabulary="tag", max_values=2),
    ],
    context=[Timestamp("time")],
    sequences=[Sequence("seen", (Categorical("item_id", dtype="int64"),))],
    timestamp="time",
    vocabularies=[
        Vocabulary("item_id", capacity=4, min_count=2, max_age=100),
        Vocabulary("tag", capacity=3, num_oov=2),
    ],
)
DAY_1 = pd.DataFrame(
    {
        "user_id": ["u", "v", "w"],
        "likes": ["sf", "", b"crime"],
        "item_id": [7, 7, -1],
        "tags": [["sf", "war"], [], ["sf"]],
        "seen_item_id": [[9, 9], [9], []],
        "time": [10, 20, 30],
    }
)


def updated():
    maps = OpenVocabularies(OPEN)
    return maps, maps.update(DAY_1)


def test_every_column_of_a_vocabulary_counts_and_histories_do_not():
    maps, changes = updated()
    assert changes["item_id"].admitted == {"7": 2}
    # At 30 `crime` and `sf`, at 10 `war`; the more frequent first.
    assert changes["tag"].admitted == {"sf": 3, "crime": 4, "war": 5}
    assert maps.maps["item_id"].values() == ("7",)


def test_history_counts_where_nothing_else_has_the_vocabulary():
    schema = small_schema(
        context=[Timestamp("time")],
        sequences=[Sequence("h", (Categorical("item_id"), Categorical("action")))],
        timestamp="time",
        vocabularies=[Vocabulary("action", capacity=2)],
    )
    frame = pd.DataFrame(
        {"time": [3, 5], "h_action": [["buy", "view"], ["view"]], "other": 0}
    )
    changes = OpenVocabularies(schema).update(frame)
    assert changes["action"].admitted == {"view": 2, "buy": 3}


def test_state_encodes_with_the_rows_of_now():
    maps, _ = updated()
    state = maps.state(
        SchemaState(OPEN, {"user_id": ("u",), "item_id": ("5",), "tag": ()}, {})
    )
    items = tf.constant([7, 9, 5, -1], tf.int64)
    assert state.encode({"item_id": items})["item_id"].numpy().tolist() == [2, 1, 1, 0]
    assert state.values("tag") == ("sf", "crime", "war")
    assert state.schema.size("item_id") == 1 + 1 + 4


def test_first_period_without_limits_has_the_values_that_fit_learns():
    items = Vocabulary("item_id", capacity=50)
    schema = small_schema(
        context=[Timestamp("time")], timestamp="time", vocabularies=[items]
    )
    frame = shop_frame(30)[["user_id", "item_id", "time"]]
    maps = OpenVocabularies(schema)
    maps.update(frame)
    learnt = schema.fit(frame)
    state = maps.state(learnt)
    assert set(state.values("item_id")) == set(learnt.values("item_id"))
    assert set(state.values("item_id")) == set(Counter(frame["item_id"]))


def test_maps_go_on_from_a_file_as_if_nothing_had_happened(tmp_path):
    maps, _ = updated()
    maps.save(tmp_path / "maps.npz")
    again = OpenVocabularies.load(str(tmp_path / "maps.npz"), OPEN)
    later = DAY_1.assign(item_id=[9, 9, 7], time=[100, 111, 112])
    assert again.update(later) == maps.update(later)
    for name, id_map in maps.maps.items():
        np.testing.assert_equal(
            again.maps[name].to_arrays(), id_map.to_arrays(), err_msg=name
        )
    assert [path.name for path in tmp_path.iterdir()] == ["maps.npz"]


CHILD = """
import sys
from tests.features.open_vocabularies_test import DAY_1, OPEN
from tfctr.features import OpenVocabularies

maps, day = OpenVocabularies(OPEN, sketch_width=1 << 18), 0
while True:
    day += 1
    maps.update(DAY_1.assign(time=DAY_1["time"] + 50 * day))
    maps.save(sys.argv[1])
    print(day, flush=True)
"""


@pytest.mark.slow
def test_file_is_whole_whenever_the_process_is_killed(tmp_path):
    path = tmp_path / "maps.npz"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with child:
        for day in range(1, 4):
            assert child.stdout.readline() == f"{day}\n"
        time.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
    saved = OpenVocabularies.load(path, OPEN)
    days, rest = divmod(saved.maps["item_id"].now - 30, 50)
    assert days >= 3
    assert rest == 0
    assert saved.maps["item_id"].values() == ("7",)


def test_failure_while_saving_keeps_the_file_of_before(tmp_path, monkeypatch):
    maps, _ = updated()
    maps.save(tmp_path / "maps.npz")
    maps.update(DAY_1.assign(time=[200, 200, 200]))

    def fail(file, **_):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        maps.save(tmp_path / "maps.npz")
    again = OpenVocabularies.load(tmp_path / "maps.npz", OPEN)
    assert again.maps["item_id"].now == 30


def test_file_without_a_vocabulary_is_refused(tmp_path):
    maps, _ = updated()
    maps.save(tmp_path / "maps.npz")
    more = small_schema(
        context=[Timestamp("time")],
        timestamp="time",
        vocabularies=[Vocabulary("user_id", capacity=2)],
    )
    with pytest.raises(UnknownName, match="expected one of item_id, tag"):
        OpenVocabularies.load(tmp_path / "maps.npz", more)


def test_schema_without_open_vocabularies_is_refused():
    with pytest.raises(InputError, match="no open vocabulary"):
        OpenVocabularies(SCHEMA)


def test_schema_without_request_time_is_refused():
    schema = small_schema(vocabularies=[Vocabulary("item_id", capacity=3)])
    with pytest.raises(InputError, match="`timestamp`"):
        OpenVocabularies(schema).update(DAY_1)


@pytest.mark.parametrize("name", ["time", "tags"])
def test_missing_column_is_named(name):
    with pytest.raises(UnknownName, match=f"column {name}"):
        OpenVocabularies(OPEN).update(DAY_1.drop(columns=name))


def test_event_without_time_is_refused():
    with pytest.raises(InputError, match="received -1, expected seconds"):
        OpenVocabularies(OPEN).update(DAY_1.assign(time=[10, None, 30]))
