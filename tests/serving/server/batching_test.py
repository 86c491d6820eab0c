"""Joint runs give every request what it would get alone."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.serving.small_model import ITEMS, click, pre_scores
from tfctr.serving import PredictClient, ServingError
from tfctr.serving.server import BatchingOptions, EmbeddedServer, ServerOptions
from tfctr.serving.server.batching import Batcher
from tfctr.serving.server.refusals import Refusal

NEVER = 1e9  # seconds on the monotonic clock


class Recorder:
    """Adds one to `x`; keeps the sizes of runs, refuses negative numbers."""

    def __init__(self):
        self.runs = []

    def __call__(self, signature_name, arrays):
        self.runs.append((signature_name, arrays["x"].shape))
        if (arrays["x"] < 0).any():
            raise ValueError("negative")
        return {"y": arrays["x"] + 1}


def batcher(run, size=4, wait=5.0):
    return Batcher(run, BatchingOptions(size, wait), lambda rows: None)


def together(target, requests):
    """Runs `(signature, array)` requests at once; outputs or errors in order."""

    def call(request):
        name, array = request
        try:
            return target.run(name, {"x": np.array(array)}, NEVER)["y"].tolist()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(call, requests))


def test_concurrent_requests_run_as_one_batch_when_it_is_full():
    run = Recorder()
    started = time.monotonic()
    answers = together(batcher(run, 4), [("s", [n]) for n in range(4)])
    assert answers == [[1], [2], [3], [4]]
    assert run.runs == [("s", (4,))]
    assert time.monotonic() - started < 4  # it did not wait for the timeout


def test_requests_with_several_rows_get_their_own_rows_back():
    run = Recorder()
    requests = [("s", [10, 11]), ("s", [20]), ("s", [30, 31, 32])]
    assert together(batcher(run, 6), requests) == [[11, 12], [21], [31, 32, 33]]
    assert run.runs == [("s", (6,))]


def test_a_batch_runs_when_the_timeout_has_passed():
    run = Recorder()
    assert together(batcher(run, 100, 0.05), [("s", [1]), ("s", [2])]) == [[2], [3]]


def test_signatures_and_shapes_are_not_mixed():
    run = Recorder()
    target = batcher(run, 100, 0.1)
    together(target, [("s", [1]), ("t", [1]), ("s", [[1, 2]]), ("s", [[1, 2, 3]])])
    assert sorted(run.runs) == [("s", (1,)), ("s", (1, 2)), ("s", (1, 3)), ("t", (1,))]


def test_dtypes_are_not_mixed():
    run = Recorder()
    together(batcher(run, 100, 0.1), [("s", [1]), ("s", [1.5])])
    assert run.runs == [("s", (1,)), ("s", (1,))]


def test_a_request_that_does_not_fit_opens_the_next_batch():
    run = Recorder()
    answers = together(batcher(run, 4, 0.2), [("s", [1, 2, 3]), ("s", [4, 5, 6])])
    assert answers == [[2, 3, 4], [5, 6, 7]]
    assert run.runs == [("s", (3,)), ("s", (3,))]


def test_one_bad_request_fails_alone():
    run = Recorder()
    answers = together(batcher(run, 3), [("s", [1]), ("s", [-1]), ("s", [3])])
    assert [answers[0], answers[2]] == [[2], [4]]
    assert isinstance(answers[1], ValueError)


def test_outputs_that_are_no_rows_are_computed_singly():
    runs = []

    def total(signature_name, arrays):
        runs.append(arrays["x"].shape)
        return {"y": arrays["x"].sum()}

    assert together(batcher(total, 2), [("s", [1]), ("s", [2])]) == [1, 2]
    assert sorted(runs) == [(1,), (1,), (2,)]


def test_nobody_waits_for_ever_when_the_joint_run_breaks_off():
    def stopped(signature_name, arrays):
        raise KeyboardInterrupt

    target = batcher(stopped, 2)
    errors = []

    def call():
        try:
            target.run("s", {"x": np.ones(1)}, NEVER)
        except BaseException as error:
            errors.append(getattr(error, "name", type(error).__name__))

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert set(errors) == {"KeyboardInterrupt", "INTERNAL"}


@pytest.mark.parametrize("array", [np.ones(()), np.ones((0, 2)), np.ones(4)])
def test_what_cannot_or_need_not_be_joined_does_not_wait(array):
    started = time.monotonic()
    batcher(Recorder(), 4, 5.0).run("s", {"x": array}, NEVER)
    assert time.monotonic() - started < 4  # the timeout is 5


def test_inputs_of_different_lengths_run_alone():
    started = time.monotonic()
    arrays = {"x": np.ones(2), "z": np.ones(3)}
    batcher(Recorder(), 4, 5.0).run("s", arrays, NEVER)
    assert time.monotonic() - started < 4  # the timeout is 5


def test_a_request_does_not_wait_past_its_deadline():
    go = threading.Event()
    target = batcher(lambda *_: go.wait(10) and {"y": np.ones(2)}, 2)
    leader = threading.Thread(target=together, args=(target, [("s", [1])]))
    leader.start()
    time.sleep(0.05)
    with pytest.raises(Refusal) as caught:
        target.run("s", {"x": np.array([2])}, time.monotonic() + 0.1)
    go.set()
    leader.join()
    assert caught.value.name == "DEADLINE_EXCEEDED"


def test_requests_that_are_too_late_do_not_run():
    run = Recorder()
    with pytest.raises(Refusal, match="deadline"):
        batcher(run).run("s", {"x": np.array([1])}, time.monotonic() - 1)
    assert run.runs == []


@pytest.fixture
def batching(base):
    options = ServerOptions(poll_seconds=0, batching=BatchingOptions(16, 0.01))
    with (
        EmbeddedServer("m", base, options) as server,
        PredictClient(server.address, "m") as client,
    ):
        yield server, client


def test_batched_answers_equal_the_formulas_from_many_threads(batching):
    server, client = batching
    sizes = []
    with server.manager.lease("m", None) as servable:
        run = servable.model.run

        def counted(name, arrays):
            sizes.append(len(arrays["item_id"]))
            return run(name, arrays)

        servable._batcher._run = counted

    def one(n):
        ids = [ITEMS[n % 12], ITEMS[5 * n % 12]]
        user = {
            "user_id": [f"u{n}"],
            "age": np.array([n], "float32"),
            "history_item_id": [[ids[0], "", ""]],
            "item_id": [ids],
        }
        return (
            ids,
            client.predict(user, "pre_ranking"),
            client.predict(user | {"price": np.array([[n, 2]], "float32")}, "ranking"),
        )

    with ThreadPoolExecutor(8) as pool:
        for n, (ids, pre, ranked) in enumerate(pool.map(one, range(48))):
            scores = pre_scores([ids[0]], ids)
            np.testing.assert_allclose(pre["score"], [scores], rtol=1e-6)
            clicks = click(float(n), np.array([n, 2]))
            np.testing.assert_allclose(ranked["click"], [clicks], rtol=1e-5)
    assert sum(sizes) == 96
    assert max(sizes) > 1  # requests did run together


def test_a_request_that_the_model_refuses_does_not_fail_others(batching):
    _, client = batching

    def one(value):
        try:
            return client.predict({"x": [float(value)]}, "plus")["y"].tolist()
        except ServingError as error:
            return error.code

    values = [1, -1, 3, 4] * 4
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(one, values))
    assert answers == [[100 + v] if v > 0 else "INVALID_ARGUMENT" for v in values]


def test_outputs_without_rows_are_right_under_batching(batching):
    _, client = batching
    with ThreadPoolExecutor(8) as pool:
        sums = pool.map(
            lambda v: client.predict({"x": [float(v)]}, "total")["sum"], range(8)
        )
    assert list(sums) == list(range(8))
