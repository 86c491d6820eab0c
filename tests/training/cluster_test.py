"""Tests of who takes part in a training, and of waiting for them."""

import json
import threading
import time
from types import SimpleNamespace

import pytest

from tests.training.ports import free_ports
from tfctr.errors import InputError
from tfctr.training.cluster import read_cluster, wait_for_workers
from tfctr.training.strategy import make_strategy


def cluster(count, index, ports):
    """A resolver as TensorFlow makes it of TF_CONFIG."""
    workers = [f"127.0.0.1:{port}" for port in ports[:count]]
    spec = SimpleNamespace(as_dict=lambda: {"worker": workers})
    return SimpleNamespace(cluster_spec=lambda: spec, task_type="worker", task_id=index)


@pytest.mark.parametrize(
    ("text", "received"),
    [
        (None, "no cluster"),
        ("{", "cannot read"),
        ("[]", "no cluster|cannot read"),
        ({"cluster": {"worker": ["a:1"]}}, "without the task"),
        (
            {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}},
            "task worker:1, which the cluster does not list",
        ),
        (
            {"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}},
            "a cluster of ps",
        ),
        (
            {"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}},
            "the address 'a'",
        ),
    ],
)
def test_wrong_tf_config_is_named(monkeypatch, text, received):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        value = text if isinstance(text, str) else json.dumps(text)
        monkeypatch.setenv("TF_CONFIG", value)
    for read in (read_cluster, lambda: make_strategy("multi_worker")):
        with pytest.raises(InputError, match=f"`TF_CONFIG`: received.*{received}"):
            read()


def test_all_workers_go_on_together():
    ports = free_ports(3)
    ends = {}

    def wait(index):
        wait_for_workers(cluster(3, index, ports), 20)
        ends[index] = time.monotonic()

    threads = [threading.Thread(target=wait, args=(k,)) for k in range(3)]
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.3)
    assert not ends
    last = time.monotonic()
    threads[0].start()
    for thread in threads:
        thread.join(20)
    assert sorted(ends) == [0, 1, 2]
    assert min(ends.values()) >= last


def test_the_first_worker_names_those_that_do_not_come():
    with pytest.raises(
        InputError, match=r"no sign of worker:1, worker:2 within 0\.3 s"
    ):
        wait_for_workers(cluster(3, 0, free_ports(3)), 0.3)


def test_other_workers_say_that_the_first_does_not_answer():
    ports = free_ports(2)
    with pytest.raises(InputError, match=f"no answer from 127.0.0.1:{ports[0]}"):
        wait_for_workers(cluster(2, 1, ports), 0.5)
