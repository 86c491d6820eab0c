"""Tests of checkpoint folders."""

import json

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.training.checkpoints import (
    newest_checkpoint,
    read_arrays,
    read_facts,
    write_checkpoint,
)


def arrays():
    table = np.arange(6, dtype="float32").reshape(2, 3)
    return {
        "model": [tf.Variable(table), np.array(3, "int64")],
        "optimizer": [np.array([1.5, -2.0], ml_dtypes.bfloat16), np.zeros((0, 4))],
    }


def test_arrays_and_facts_come_back_as_they_were(tmp_path):
    path = write_checkpoint(tmp_path / "run", 7, {"epoch": 1}, arrays())
    assert newest_checkpoint(tmp_path / "run") == path
    assert read_facts(path)["epoch"] == 1
    for group, values in arrays().items():
        for found, value in zip(read_arrays(path, group, values), values, strict=True):
            assert found.dtype == np.asarray(value).dtype
            np.testing.assert_array_equal(found, value)


def test_the_newest_alone_is_kept(tmp_path):
    for number in (9, 10, 10):
        path = write_checkpoint(tmp_path, number, {"number": number}, arrays())
    assert [p for p in tmp_path.iterdir()] == [path]
    assert read_facts(path)["number"] == 10


def test_what_was_not_renamed_does_not_count_and_is_cleared(tmp_path):
    (tmp_path / "checkpoint-000000000009.partial").mkdir()
    assert newest_checkpoint(tmp_path) is None
    assert newest_checkpoint(tmp_path / "none") is None
    path = write_checkpoint(tmp_path, 2, {}, arrays())
    assert [p for p in tmp_path.iterdir()] == [path]


def test_other_shapes_and_damage_are_refused(tmp_path):
    path = write_checkpoint(tmp_path, 2, {}, arrays())
    with pytest.raises(InputError, match=r"\(2, 3\), expected float32 \(3, 2\)"):
        read_arrays(path, "model", [np.zeros((3, 2), "float32")])
    with pytest.raises(InputError, match="a file of a checkpoint, whole"):
        read_arrays(path, "metrics", [np.zeros(1)])
    for name in ("arrays.npy", "facts.json"):
        content = (path / name).read_bytes()
        (path / name).write_bytes(content[:20])
        with pytest.raises(InputError, match=r"checkpoint-0+2.*Delete"):
            read_arrays(path, "optimizer", arrays()["optimizer"])
        (path / name).write_bytes(content)
    assert json.loads((path / "facts.json").read_text())["begins"]["model"] == 0
