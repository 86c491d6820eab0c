"""Arithmetic and memory traffic that a workload cannot do without, as formulas.

All counts are for one example of the steady state. `F` fields of width `d`, batch `B`,
MLP widths `n_0 .. n_k`, `u` distinct rows a batch touches.

- MLP: a product of widths `a` and `b` costs `2ab` operations forward and `4ab` backward
  (gradients of the weights and of the input), hence `6 * sum(n_i * n_(i+1))`.
- Factorisation machine: `4Fd` forward (sum, square, sum of squares), twice that
  backward.
- Attention, on the mean number `e` of real events only, its first layer split by the
  parts of its input: `6hd` a candidate, and `6 * (2hd + h + d)` an event for event and
  product, the score and the weighted sum (more for further layers).
- Streamed bytes: vectors of fields and events are written by the look-up and read by
  the model; so are their gradients by the backward pass and the update: `16d` each.
- Random bytes: one row of `4d` read a look-up, and Adam's reading and writing of weight
  and two moments, `24d` for each of the `u / B` rows. DeepFM's linear part is one more
  column, counted with `d + 1`.

Nothing is counted for the input, the biases, activations or dense weights' Adam. The
floor adds the three times up, since one core does one of them after the other.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from peer_runs.workloads import Arrays, Workload

__all__ = ["Ceilings", "Floor", "distinct_rows", "floor_of"]

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Ceilings:
    """What one core of the machine reaches, measured by `ceilings.py`.

    Attributes:
        mlp_gflops: Matrix products of the MLP's shapes, forward and backward.
        attention_gflops: Those of the attention's shapes.
        streaming_gbs: Reading and writing of a batch's embeddings.
        random_gbs: Reading of random rows of the tables.
    """

    mlp_gflops: float
    attention_gflops: float
    streaming_gbs: float
    random_gbs: float


@dataclass(frozen=True)
class Floor:
    """Operations and bytes of one example.

    Attributes:
        mlp_flops: Of the MLP and the factorisation machine.
        attention_flops: Of the attention.
        streamed_bytes: Of embeddings and their gradients.
        random_bytes: Of table rows.
    """

    mlp_flops: float
    attention_flops: float
    streamed_bytes: float
    random_bytes: float

    def seconds(self, ceilings: Ceilings) -> dict[str, float]:
        """CPU seconds of one example, by part."""
        return {
            "MLP": self.mlp_flops / ceilings.mlp_gflops / 1e9,
            "attention": self.attention_flops / ceilings.attention_gflops / 1e9,
            "streaming": self.streamed_bytes / ceilings.streaming_gbs / 1e9,
            "table rows": self.random_bytes / ceilings.random_gbs / 1e9,
        }

    def examples_per_cpu_second(self, ceilings: Ceilings) -> float:
        return 1.0 / sum(self.seconds(ceilings).values())


def floor_of(workload: Workload, events: float, distinct: float) -> Floor:
    """The floor of a workload.

    Args:
        workload: The workload.
        events: Mean number of real events of an example.
        distinct: Mean number of distinct table rows of a batch.
    """
    is_din, d = workload.model == "din", workload.dim
    vectors = workload.fields + (events if is_din else 0.0)
    width = d * (workload.fields + is_din)
    units = (width, *workload.hidden_units, 1)
    mlp = 6 * sum(a * b for a, b in pairwise(units))
    if not is_din:
        mlp += 3 * 4 * workload.fields * d
    row = FLOAT_BYTES * (d if is_din else d + 1)
    return Floor(
        mlp_flops=mlp,
        attention_flops=_attention_flops(workload, events) if is_din else 0.0,
        streamed_bytes=4 * row * vectors,
        random_bytes=row * (vectors + 6 * distinct / workload.batch_size),
    )


def distinct_rows(arrays: Arrays, batch_size: int, batches: int = 4) -> float:
    """Mean number of distinct table rows in the first batches, padding not counted."""
    counts = []
    for start in range(0, min(len(arrays.ids), batches * batch_size), batch_size):
        ids = arrays.ids[start : start + batch_size]
        events = arrays.history[start : start + batch_size].reshape(-1)
        first = np.concatenate([ids[:, 0], events[events > 0]])
        others = [len(np.unique(column)) for column in ids[:, 1:].T]
        counts.append(len(np.unique(first)) + sum(others))
    return float(np.mean(counts))


def _attention_flops(workload: Workload, events: float) -> float:
    hidden, *rest = workload.attention_units
    units = (hidden, *rest, 1)
    scorer = sum(a * b for a, b in pairwise(units))
    event = 2 * hidden * workload.dim + scorer + workload.dim
    return 6 * (hidden * workload.dim + events * event)
