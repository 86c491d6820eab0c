"""Settings of every test: quiet TensorFlow, fixed seeds."""

import gc
import os
import sys

import pytest

# TensorFlow reads it when it is first imported, here and in child processes.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Two processes of tests share two cores: more threads would only wait for each other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
# Tests compile much and run it once: XLA shall not spend half of their time on making
# that once fast.
FAST_TO_COMPILE = "--xla_backend_optimization_level=0"
os.environ["XLA_FLAGS"] = f"{FAST_TO_COMPILE} {os.environ.get('XLA_FLAGS', '')}".strip()

# What takes minutes comes first, so that no process waits for the other at the end.
LONGEST = (
    "tests/conformance/laws_test.py",
    "tests/pipelines/run_test.py",
    "tests/pipelines/demo_test.py",
    "tests/packaging/wheel_test.py",
    "tests/native/building_test.py",
    "tests/optimizers/distribution_test.py",
)


@pytest.hookimpl(trylast=True)  # after tests were shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first; all else stays in its random order."""
    places = {file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.split("::")[0], len(places)))


# Between so many tests, what they left behind is looked through a last time.
TESTS_A_COLLECTION = 25
_ended = 0


def pytest_collection_finish() -> None:
    """Spares the garbage collector what was imported."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)  # when the fixtures are gone
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Spares it what tests leave for good, too.

    Graphs stay as long as their process. Without this, each full collection goes
    through all of them, and after some thousand tests takes half a minute.
    """
    global _ended
    _ended += 1
    is_last = nextitem is None or nextitem.path != item.path
    if is_last or _ended % TESTS_A_COLLECTION == 0:
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    """Seeds Python, numpy and TensorFlow, where Keras is loaded at all."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)
