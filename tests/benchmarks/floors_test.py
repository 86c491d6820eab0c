"""Tests of `benchmarks/peer_runs/floors.py`, against counts made by hand."""

import dataclasses

import numpy as np
import pytest
from peer_runs.floors import Ceilings, distinct_rows, floor_of
from peer_runs.workloads import Arrays, Workload

TINY = Workload(
    "tiny",
    model="din",
    fields=3,
    history=6,
    dim=4,
    hidden_units=(8,),
    attention_units=(5,),
)


def test_floor_of_deepfm_by_hand():
    workload = dataclasses.replace(TINY, model="deepfm", history=0, batch_size=10)
    floor = floor_of(workload, events=0.0, distinct=5.0)
    # Widths 12, 8, 1: 96 + 8 products; the factorisation machine: 3 * 4 * 12.
    assert floor.mlp_flops == 6 * 104 + 144
    assert floor.attention_flops == 0
    # Rows of 4 + 1 floats are 20 bytes: three are moved four times; three are looked
    # up and half a row an example is read and written in three places.
    assert floor.streamed_bytes == 4 * 20 * 3
    assert floor.random_bytes == 20 * (3 + 6 * 0.5)


def test_floor_of_din_by_hand():
    floor = floor_of(dataclasses.replace(TINY, batch_size=10), 4.0, 5.0)
    # Widths 16, 8, 1, with the pooled history as a fourth vector.
    assert floor.mlp_flops == 6 * (128 + 8)
    # The candidate 5 * 4; each event 2 * 5 * 4 for the hidden layer, 5 for the score
    # and 4 for the weighted sum.
    assert floor.attention_flops == 6 * (20 + 4 * (40 + 5 + 4))
    assert floor.streamed_bytes == 4 * 16 * 7
    assert floor.random_bytes == 16 * (7 + 3)


def test_floor_adds_its_parts_up():
    floor = floor_of(dataclasses.replace(TINY, batch_size=10), 4.0, 5.0)
    ceilings = Ceilings(1e-9 * 816, 1e-9 * 1296, 1e-9 * 448, 1e-9 * 160)
    assert floor.seconds(ceilings) == pytest.approx(
        {"MLP": 1.0, "attention": 1.0, "streaming": 1.0, "table rows": 1.0}
    )
    assert floor.examples_per_cpu_second(ceilings) == pytest.approx(0.25)


def test_distinct_rows_share_the_table_of_field_and_history():
    ids = np.array([[1, 7], [2, 7], [1, 8]], "int32")
    history = np.array([[2, 3], [5, 0], [0, 0]], "int32")
    arrays = Arrays(ids, history, np.zeros(3, "float32"))
    assert distinct_rows(arrays, batch_size=3) == 4 + 2  # {1, 2, 3, 5} and {7, 8}
    # Batches {1, 2, 3, 5}, {7} and {1}, {8}.
    assert distinct_rows(arrays, batch_size=2) == pytest.approx((5 + 2) / 2)
