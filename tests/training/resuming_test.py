"""Tests that a killed training goes on to the weights of one that was not."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.killed import KillAt, Killed
from tests.training.resumed_run import BATCH_SIZE, EPOCHS, SCHEMA, example_frame
from tfctr.data.reading import read_examples
from tfctr.errors import InputError
from tfctr.models import DeepFM, LogisticRegression
from tfctr.training import ResumableTraining

SCRIPT = Path(__file__).with_name("resumed_run.py")
STEPS = 800 // BATCH_SIZE


def start(data, folder) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    log = folder / "log.txt"
    log.touch()
    arguments = [str(data), str(folder / "checkpoints"), str(log)]
    with (folder / "stderr.txt").open("a") as errors:
        return subprocess.Popen(
            [sys.executable, str(SCRIPT), *arguments],
            cwd=SCRIPT.parents[2],
            env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )


def lines(folder) -> list[str]:
    return (folder / "log.txt").read_text().splitlines()


def finished(process, folder) -> dict:
    assert process.wait(timeout=120) == 0, (folder / "stderr.txt").read_text()[-2000:]
    return json.loads((folder / "log.json").read_text())


def killed_after(process, folder, count) -> list[str]:
    """Kills the process when its log has grown to `count` lines; what it logged."""
    while len(lines(folder)) < count:
        assert process.poll() is None, (folder / "stderr.txt").read_text()[-2000:]
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    return lines(folder)


@pytest.mark.slow
def test_killed_training_ends_with_the_weights_of_one_that_was_not(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    frame = example_frame()
    for k in range(4):
        part = frame[200 * k : 200 * (k + 1)]
        part.to_parquet(data / f"{k}.parquet", row_group_size=50)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    expected = finished(start(data, whole), whole)
    stream = lines(whole)
    assert len(stream) in (2 * STEPS, EPOCHS * STEPS)  # early stopping may stop

    generator = random.Random(time.time_ns())
    first = generator.randrange(2, STEPS - 1)
    second = generator.randrange(STEPS + 2, 2 * STEPS - 2)
    print("killed after", first, second)  # shown where the test fails
    place, position = 0, 0
    for target in (first, second):
        process = start(data, cut)
        logged = killed_after(process, cut, place + target - position)[place:]
        # What it consumed is what the whole run consumed from there on.
        assert logged == stream[position : position + len(logged)]
        place += len(logged)
        position = position_of(cut / "checkpoints")
    found = finished(start(data, cut), cut)
    assert lines(cut)[place:] == stream[position:]
    assert found == expected


def position_of(folder) -> int:
    """Steps before the only whole checkpoint."""
    facts = [
        json.loads(p.read_text()) for p in folder.glob("checkpoint-*[0-9]/facts.json")
    ]
    latest = max((f["epoch"], f["batch"]) for f in facts)
    return latest[0] * STEPS + latest[1]


@pytest.fixture(scope="module")
def state():
    return SCHEMA.fit(example_frame())


def fitted(state, folder, *callbacks, epochs=2, model=None, optimizer=None, **reading):
    arguments = {"batch_size": 100, "seed": 2, "shuffle_rows": 200, **reading}
    reader = read_examples(example_frame(), state, **arguments)
    if model is None:
        model = DeepFM(state.schema, dim=4, hidden_units=[8], dropout=0.3, seed=1)
    model.compile(optimizer or keras.optimizers.Adam(0.01))
    resume = ResumableTraining(folder, reader, every=3)
    model.fit(
        reader.dataset(), epochs=epochs, callbacks=[*callbacks, resume], verbose=0
    )
    return model


@pytest.fixture(scope="module")
def whole(state, tmp_path_factory):
    """A model that was trained without a stop, and the folder of its checkpoints."""
    folder = tmp_path_factory.mktemp("whole")
    return fitted(state, folder), folder


@pytest.mark.parametrize("at", [(0, 1), (1, 5)])
def test_training_that_was_cut_ends_the_same(state, whole, tmp_path, at):
    expected, _ = whole
    with pytest.raises(Killed):
        fitted(state, tmp_path / "cut", KillAt(*at))
    found = fitted(state, tmp_path / "cut")
    for one, other in zip(found.variables, expected.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)
    assert found.history.epoch == [0, 1]
    for name, values in expected.history.history.items():
        np.testing.assert_array_equal(found.history.history[name], values, name)


def test_training_goes_on_when_more_epochs_are_asked_for(state, whole, tmp_path):
    expected, _ = whole
    fitted(state, tmp_path, epochs=1)
    found = fitted(state, tmp_path)
    for one, other in zip(found.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_half_written_checkpoints_do_not_count(state, whole, tmp_path, monkeypatch):
    expected, _ = whole

    def stopped(path, target):
        raise Killed

    with pytest.raises(Killed):
        fitted(state, tmp_path / "cut", KillAt(1, 2))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", stopped)
        with pytest.raises(Killed):
            fitted(state, tmp_path / "cut")
    names = sorted(path.name for path in (tmp_path / "cut").iterdir())
    assert [name.endswith(".partial") for name in names] == [False, True]
    found = fitted(state, tmp_path / "cut")
    for one, other in zip(found.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert not list((tmp_path / "cut").glob("*.partial"))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"batch_size": 50}, "order"),
        ({"seed": 3}, "order"),
        ({"optimizer": keras.optimizers.Adam(0.02)}, "loss or optimizer"),
        ({"optimizer": keras.optimizers.SGD(0.01)}, "set of variables"),
    ],
)
def test_checkpoints_of_another_training_are_refused(state, whole, changes, what):
    with pytest.raises(InputError, match=f"another {what}.*folder of its own"):
        fitted(state, whole[1], **changes)


def test_checkpoints_of_another_model_or_state_are_refused(state, whole):
    with pytest.raises(InputError, match="another model"):
        fitted(state, whole[1], model=LogisticRegression(state.schema))
    dropout = DeepFM(state.schema, dim=4, hidden_units=[8], dropout=0.2, seed=1)
    with pytest.raises(InputError, match="another model"):
        fitted(state, whole[1], model=dropout)
    other = SCHEMA.fit(example_frame().assign(price=lambda f: f["price"] + 1))
    with pytest.raises(InputError, match="another state"):
        fitted(other, whole[1])


def test_damaged_checkpoints_are_refused_by_name(state, whole, tmp_path):
    shutil.copytree(whole[1], tmp_path, dirs_exist_ok=True)
    (path,) = tmp_path.glob("checkpoint-*/arrays.npy")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match=r"arrays\.npy.*Delete"):
        fitted(state, tmp_path)


def test_early_stopping_and_its_best_weights_go_on(state, tmp_path):
    frame = example_frame()
    valid = read_examples(frame, state, 400, shuffle=False)

    def run(folder, *callbacks):
        reader = read_examples(frame, state, 100, seed=2)
        model = DeepFM(state.schema, dim=4, hidden_units=[8], seed=1)
        model.compile(keras.optimizers.Adam(0.05))
        stop = keras.callbacks.EarlyStopping(
            "val_loss", min_delta=0.05, patience=2, restore_best_weights=True
        )
        resume = ResumableTraining(folder, reader, every=3, callbacks=[stop])
        model.fit(
            reader.dataset(),
            validation_data=valid.dataset(),
            epochs=6,
            callbacks=[*callbacks, resume, stop],  # the order does not matter
            verbose=0,
        )
        return model, stop

    expected, stopped = run(tmp_path / "whole")
    assert 1 < stopped.stopped_epoch < 5
    with pytest.raises(Killed):
        run(tmp_path / "cut", KillAt(stopped.stopped_epoch, 4))
    found, again = run(tmp_path / "cut")
    names = ("best", "best_epoch", "stopped_epoch", "wait")
    assert [getattr(again, n) for n in names] == [getattr(stopped, n) for n in names]
    for one, other in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_several_steps_an_execution_are_skipped_together(state, tmp_path):
    def run(folder, *callbacks):
        reader = read_examples(example_frame(), state, 100, seed=2)
        model = LogisticRegression(state.schema)
        model.compile(keras.optimizers.Adam(0.01), steps_per_execution=3)
        resume = ResumableTraining(folder, reader, every=2)
        model.fit(reader.dataset(), epochs=2, callbacks=[*callbacks, resume], verbose=0)
        return model

    expected = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "cut", KillAt(1, 5))
    found = run(tmp_path / "cut")
    for one, other in zip(found.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_model_that_is_not_built_is_refused(state, tmp_path):
    reader = read_examples(example_frame(), state, 100)
    inner = keras.Sequential([keras.layers.Dense(1)])
    inner.compile("sgd", "mse")
    with pytest.raises(InputError, match="Call it on a batch"):
        inner.fit(
            np.ones((4, 2)),
            np.ones((4, 1)),
            callbacks=[ResumableTraining(tmp_path, reader)],
            verbose=0,
        )


def test_odd_requests_are_refused(state, tmp_path):
    reader = read_examples(example_frame(), state, 100)
    with pytest.raises(InputError, match="`every`"):
        ResumableTraining(tmp_path, reader, every=0)
    nan = keras.callbacks.TerminateOnNaN()
    with pytest.raises(InputError, match="TerminateOnNaN"):
        ResumableTraining(tmp_path, reader, callbacks=[nan])


def test_deleted_checkpoints_are_gone(state, whole, tmp_path):
    shutil.copytree(whole[1], tmp_path / "run")
    reader = read_examples(example_frame(), state, 100)
    ResumableTraining(tmp_path / "run", reader).delete()
    assert list(tmp_path.iterdir()) == []
