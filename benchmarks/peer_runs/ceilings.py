"""Measures what one core reaches at the shapes of a workload."""

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from peer_runs.keras_clock import set_threads
from peer_runs.measure import Case
from peer_runs.workloads import Workload, load

SECONDS = 0.4


def rate(work: Callable[[], Any], amount: float) -> float:
    """Billions of `amount` a CPU second, the best of many calls."""
    work()
    best, ends = np.inf, time.perf_counter() + SECONDS
    while time.perf_counter() < ends:
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return amount / best / 1e9


def products(shapes: list[tuple[int, int]], rows: int) -> float:
    """GFLOP/s of dense layers `(inputs, outputs)`, forward and backward."""
    normal = tf.random.normal
    layers = [(normal((rows, a)), normal((a, b)), normal((rows, b))) for a, b in shapes]

    @tf.function
    def work() -> list[Any]:
        return [
            [
                tf.reduce_max(tf.matmul(x, w)),
                tf.reduce_max(tf.matmul(g, w, transpose_b=True)),
                tf.reduce_max(tf.matmul(x, g, transpose_a=True)),
            ]
            for x, w, g in layers
        ]

    return rate(work, 6.0 * rows * sum(a * b for a, b in shapes))


def streaming(rows: int, width: int) -> float:
    """GB/s of adding two arrays of a batch's embeddings into a third."""
    left, right = np.ones((2, rows, width), "float32")
    out = np.empty_like(left)
    return rate(lambda: np.add(left, right, out=out), 3.0 * left.nbytes)


def random_rows(workload: Workload, ids: np.ndarray) -> float:
    """GB/s of rows that a batch's ids take from tables that lie one after another."""
    size = workload.values + 1
    table = np.ones((workload.fields * size, workload.dim), "float32")
    places = ids[: workload.batch_size] + np.arange(workload.fields) * size
    places = places.reshape(-1).astype("int64")
    out = np.empty((len(places), workload.dim), "float32")

    def work() -> None:
        np.take(table, places, axis=0, out=out, mode="clip")

    return rate(work, float(out.nbytes))


def main() -> None:
    case = Case.from_file(sys.argv[1])
    set_threads(1)
    workload = case.workload
    width = workload.dim * (workload.fields + (workload.model == "din"))
    units = (width, *workload.hidden_units, 1)
    events = workload.batch_size * (workload.shortest + workload.history) // 2
    attention = (workload.dim, workload.attention_units[0])
    result = {
        "mlp_gflops": products(list(pairwise(units)), workload.batch_size),
        "attention_gflops": products([attention], events or workload.batch_size),
        "streaming_gbs": streaming(workload.batch_size, width),
        "random_gbs": random_rows(workload, load(case.folder, "train").ids),
    }
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
