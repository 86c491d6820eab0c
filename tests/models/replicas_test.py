"""Tests of `tfctr.models.replicas`; `tests/training/strategy_test.py` runs workers."""

import tensorflow as tf

from tfctr.models.replicas import num_replicas, step_results


def test_results_of_one_process_stay_as_they_are():
    logs = {"loss": tf.constant(1.5)}
    found = step_results(logs)
    assert found == logs
    assert found["loss"].shape == ()


def test_one_process_is_one_replica():
    assert num_replicas() == 1
