"""Tests that a stage one that was killed goes on to the same tables."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.pretrained.resumed_run import (
    BATCH_SIZE,
    EPOCHS,
    ROWS,
    SCHEMA,
    positives_frame,
)
from tfctr import optimizers
from tfctr.errors import InputError
from tfctr.models import IDPretraining
from tfctr.training import ResumableTraining
from tfctr.training.checkpoints import newest_checkpoint, read_facts
from tfctr.training.pretrained import read_positives, read_pretrained

SCRIPT = Path(__file__).with_name("resumed_run.py")
STEPS = ROWS // BATCH_SIZE
STATE = SCHEMA.fit(positives_frame())


def start(folder) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    with (folder / "log.txt").open("a") as log:
        return subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder)],
            cwd=SCRIPT.parents[3],
            env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[3])},
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def finished(process, folder) -> str:
    text = (folder / "log.txt").read_text
    assert process.wait(timeout=120) == 0, text()[-2000:]
    return text()


@pytest.mark.slow
def test_killed_stage_one_ends_with_the_tables_of_one_that_was_not(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    uncut, process = start(whole), start(cut)
    while True:  # until it is somewhere in the second epoch
        found = newest_checkpoint(cut / "checkpoints")
        facts = read_facts(found) if found is not None and found.exists() else {}
        if facts.get("epoch", 0) >= 1 and facts["batch"]:
            break
        assert process.poll() is None, (cut / "log.txt").read_text()[-2000:]
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (cut / "tables").exists()
    facts = read_facts(newest_checkpoint(cut / "checkpoints"))
    logged = len((cut / "log.txt").read_text())
    rest = finished(start(cut), cut)[logged:]
    first = int(re.search(rf"Epoch (\d+)/{EPOCHS}", rest)[1])
    assert first == facts["epoch"] + 1 > 1  # it did not start again
    assert "Epoch 1/" in finished(uncut, whole)
    one, other = (read_pretrained(f / "tables") for f in (whole, cut))
    assert one.fingerprint == other.fingerprint  # of all rows, to the bit
    assert set(one.tables) == {"user", "item"}


class Killed(Exception):
    pass


class KillAt(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise Killed


def fitted(folder, *callbacks, logq="none", dim=4, **how):
    model = IDPretraining(STATE.schema, dim=dim, logq=logq, seed=3, **how)
    model.compile(optimizers.LazyAdam(0.02))
    positives = read_positives({"home": positives_frame()}, STATE, model.needed)
    if logq == "exact":
        model.count_items(positives.x)
    reader = positives.reader(STATE, 64, seed=5)
    resume = ResumableTraining(folder, reader, every=3)
    model.fit(reader.dataset(), epochs=2, callbacks=[*callbacks, resume], verbose=0)
    return model


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"num_random_negatives": 5},
        {"logq": "streaming"},
        {"logq": "exact", "num_random_negatives": 5},
    ],
    ids=str,
)
def test_what_is_drawn_and_counted_goes_on_too(tmp_path, how):
    expected = fitted(tmp_path / "whole", **how)
    with pytest.raises(Killed):
        fitted(tmp_path / "cut", KillAt(11), **how)  # of 14 steps
    found = fitted(tmp_path / "cut", **how)
    assert len(expected.variables) == len(found.variables) >= 3
    for one, other in zip(found.variables, expected.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)
    assert found.history.history["loss"] == expected.history.history["loss"]


def test_checkpoints_of_another_stage_one_are_refused(tmp_path):
    fitted(tmp_path)
    with pytest.raises(InputError, match="a checkpoint of another"):
        fitted(tmp_path, dim=5)
    with pytest.raises(InputError, match="a checkpoint of another model"):
        fitted(tmp_path, logq="streaming")


def test_batches_hold_each_positive_once_in_an_order_of_the_seed():
    names = ["user", "item"]
    positives = read_positives({"home": positives_frame()}, STATE, names)

    def rows(seed, epoch):
        batches = positives.reader(STATE, 64, seed=seed).batches(epoch)
        x = [x for (x,) in batches]
        return np.stack([np.concatenate([b[name] for b in x]) for name in names], 1)

    every = np.stack([positives.x[name] for name in names], 1)
    assert sorted(map(tuple, rows(1, 0))) == sorted(map(tuple, every))
    np.testing.assert_array_equal(rows(1, 0), rows(1, 0))
    for seed, epoch in ((1, 1), (2, 0)):
        assert (rows(seed, epoch) != rows(1, 0)).any()
