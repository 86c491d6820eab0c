"""Tests of training on several devices and by several workers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training.ports import free_ports
from tests.training.strategy_run import EPOCHS
from tfctr.errors import InputError, UnknownName
from tfctr.training import TrainingConfig
from tfctr.training.strategy import make_strategy, shared_data

SCRIPT = Path(__file__).with_name("strategy_run.py")
# Sums over replicas add the same float32 numbers in another order.
TOLERANCE = 2e-5
EXAMPLES = 76  # of 95, four fifths


def start(folder, strategy, index=0, ports=(), names=()) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])}
    if ports:
        workers = [f"127.0.0.1:{port}" for port in ports]
        environment["TF_CONFIG"] = json.dumps(
            {
                "cluster": {"worker": workers},
                "task": {"type": "worker", "index": index},
            }
        )
    result = str(folder / f"{strategy}{index}.json")
    with (folder / f"{strategy}{index}.txt").open("w") as errors:
        return subprocess.Popen(
            [sys.executable, str(SCRIPT), strategy, result, *names],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )


def finished(process, folder, name) -> dict:
    errors = folder / f"{name}.txt"
    assert process.wait(timeout=240) == 0, errors.read_text()[-2000:]
    return json.loads((folder / f"{name}.json").read_text())


def rows_of(run, epoch):
    return [tuple(row) for batch in run["seen"][epoch] for row in batch]


def assert_same_training(found, expected):
    for key, history in found["history"].items():
        assert len(history["loss"]) == EPOCHS
        for metric, values in expected["history"][key].items():
            np.testing.assert_allclose(
                history[metric], values, atol=TOLERANCE, err_msg=f"{key} {metric}"
            )
        for one, other in zip(
            found["weights"][key], expected["weights"][key], strict=True
        ):
            np.testing.assert_allclose(one, other, atol=TOLERANCE, err_msg=key)


@pytest.fixture(scope="module")
def one_device(tmp_path_factory):
    folder = tmp_path_factory.mktemp("single")
    names = ["SparseSGD"]
    run = finished(start(folder, "single", names=names), folder, "single0")
    losses = run["history"]["train"]["loss"]
    assert losses[-1] < losses[0]
    return run


@pytest.mark.slow
def test_two_devices_train_to_the_weights_of_one(one_device, tmp_path):
    names = ["SparseSGD"]
    process = start(tmp_path, "mirrored", names=names)
    run = finished(process, tmp_path, "mirrored0")
    assert run["replicas"] == 2
    assert_same_training(run, one_device)
    # One that was cut within an epoch goes on to the same weights, bit for bit.
    (weights, history), (weights_of_cut, history_of_cut) = run["resumed"]
    assert weights_of_cut == weights
    for metric, values in history.items():
        # Of the cut epoch, what replicas had added up was read as one sum.
        np.testing.assert_allclose(history_of_cut[metric], values, 1e-6)
    for epoch in range(2):
        assert len(rows_of(run, epoch)) == EXAMPLES
        assert sorted(rows_of(run, epoch)) == sorted(rows_of(one_device, epoch))


@pytest.mark.slow
def test_two_workers_train_to_the_weights_of_one_process(one_device, tmp_path):
    ports = free_ports(2)
    processes = [start(tmp_path, "multi_worker", k, ports) for k in range(2)]
    try:
        runs = [
            finished(process, tmp_path, f"multi_worker{k}")
            for k, process in enumerate(processes)
        ]
    finally:
        for process in processes:
            process.kill()
    assert [run["replicas"] for run in runs] == [2, 2]
    assert [run["chief"] for run in runs] == [True, False]
    for run in runs:
        assert_same_training(run, one_device)
    for epoch in range(2):  # each read half of the data
        shares = [rows_of(run, epoch) for run in runs]
        assert [len(share) for share in shares] == [EXAMPLES // 2] * 2
        both = [row for share in shares for row in share]
        assert sorted(both) == sorted(rows_of(one_device, epoch))


def test_strategy_that_does_not_exist_offers_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'mirrored'"):
        make_strategy("miror")
    with pytest.raises(ValueError, match="'single', 'mirrored'"):
        TrainingConfig(model="DIN", strategy="miror")


def test_single_is_what_tensorflow_does_by_itself():
    strategy = make_strategy("single")
    assert strategy.num_replicas_in_sync == 1
    batches = [({}, {})]
    assert shared_data(batches, strategy) is batches


def test_without_a_tpu_the_error_says_so():
    with pytest.raises(InputError, match="`strategy`: received 'tpu'"):
        make_strategy("tpu")
