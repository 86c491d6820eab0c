"""Settings of every test: quiet TensorFlow, fixed seeds."""

import os
import sys

import pytest

# TensorFlow reads it when it is first imported, here and in child processes.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Tests compile much and run it once: XLA shall not spend half of their time on making
# that once fast.
FAST_TO_COMPILE = "--xla_backend_optimization_level=0"
os.environ["XLA_FLAGS"] = f"{FAST_TO_COMPILE} {os.environ.get('XLA_FLAGS', '')}".strip()


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    """Seeds Python, numpy and TensorFlow, where Keras is loaded at all."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)
