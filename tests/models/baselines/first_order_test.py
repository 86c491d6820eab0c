"""Tests of `tfctr.models.baselines.first_order`."""

import numpy as np
import pytest

from tests.models.data import SIZED
from tfctr.models.baselines.first_order import (
    embeddings_with_weights,
    fields_and_linear,
)


def test_rows_come_apart_into_vectors_and_sums_of_weights():
    # Two fields of width 2, then the weights of three labels.
    rows = np.float32([[[1, 2, 10, 20, 30], [3, 4, 1, 2, 3]]])
    fields, linear = fields_and_linear(rows, 2)
    np.testing.assert_array_equal(fields, [[[1, 2], [3, 4]]])
    np.testing.assert_array_equal(linear, [[11, 22, 33]])


def test_weights_are_summed_in_single_precision():
    # In float16 their sum would be infinite.
    rows = np.full((1, 2, 2), 40_000, "float16")
    _, linear = fields_and_linear(rows, 1)
    np.testing.assert_array_equal(linear, [[80_000]])


def test_weights_start_near_zero_and_vectors_do_not():
    layer = embeddings_with_weights(SIZED, 16, outputs=2, seed=3, dtype="float32")
    layer.build()
    rows = np.asarray(layer.table.embeddings)
    assert rows.shape[1] == 16 + 2
    assert rows[:, :16].std() == pytest.approx(0.05, rel=0.1)
    assert rows[:, 16:].std() == pytest.approx(0.001, rel=0.2)
