"""Shows that the cost of a training step follows the batch, not the vocabulary.

Trains DeepFM (26 fields, width 16, batches of 4,096) with tables of 10,000 to 50
million rows in all, one process each, and prints step times and peak memory.

    python benchmarks/vocabulary.py --json build/vocabulary.json \
        --page docs/results/vocabulary.md
    python benchmarks/vocabulary.py --quick
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

FIELDS, DIM, BATCH = 26, 16, 4096
ROWS = (10_000, 1_000_000, 50_000_000)
OPTIMIZERS = (
    "SparseSGD",
    "SparseAdagrad",
    "RowWiseAdagrad",
    "LazyAdam",
    "SparseFTRL",
    "Composite",
)
# Numbers that each optimizer keeps for a row of `dim` weights.
SLOTS = {
    "SparseSGD": lambda dim: 0,
    "SparseAdagrad": lambda dim: dim,
    "RowWiseAdagrad": lambda dim: 1,
    "LazyAdam": lambda dim: 2 * dim,
    "SparseFTRL": lambda dim: 2 * dim,
    "Composite": lambda dim: 1,  # row-wise Adagrad for tables, Adam for the rest
}
TARGET_RATIO, TARGET_EXTRA = 1.3, 1.5 * 2**30


def table_bytes(optimizer: str, rows: int) -> int:
    """Bytes of tables and slots: rows of 16 weights and a linear one."""
    width = DIM + 1
    return 4 * rows * (width + SLOTS[optimizer](width))


def ids_of(rows: int, batches: int, skew: str) -> np.ndarray:
    """`(batches, BATCH, FIELDS)` ids in `1..rows / FIELDS`, evenly or by Zipf's law."""
    rng = np.random.default_rng(0)
    size, values = (batches, BATCH, FIELDS), rows // FIELDS - 1
    if skew == "even":
        return rng.integers(1, values + 1, size, dtype="int32")
    # The r-th of the values, in an order like that of hashes, with probability ~ 1/r.
    ranks = np.exp(rng.random(size) * np.log(values)).astype("int64")
    return (ranks * 2_654_435_761 % values + 1).astype("int32")


def measure(optimizer: str, rows: int, skew: str, steps: int) -> dict[str, Any]:
    """Trains in this process; step milliseconds and peak memory in bytes."""
    import keras
    import tensorflow as tf

    from tfctr import models, optimizers
    from tfctr.features import Categorical, FeatureSchema, Label, Vocabulary

    names = [f"field_{place:02d}" for place in range(FIELDS)]
    schema = FeatureSchema(
        user=[Categorical(names[0])],
        item=[Categorical(names[1])],
        context=[Categorical(name) for name in names[2:]],
        labels=[Label("label")],
        user_id=names[0],
        item_id=names[1],
        vocabularies=[
            Vocabulary(name, num_hash_buckets=rows // FIELDS - 1) for name in names
        ],
    )
    made = (
        optimizers.Composite(
            tables=optimizers.RowWiseAdagrad(), dense=optimizers.Adam()
        )
        if optimizer == "Composite"
        else getattr(optimizers, optimizer)()
    )
    before = peak()
    model = models.DeepFM(schema, dim=DIM, hidden_units=(256, 128, 64))
    model.compile(optimizer=made, weighted_metrics=[])
    ids = ids_of(rows, 8, skew)
    packed = {
        "packed_int32": ids.reshape(-1, FIELDS),
        "packed_int64": np.zeros((8 * BATCH, 1), "int64"),
    }
    labels = {"label": (ids[..., 0].reshape(-1) % 2).astype("float32")}
    data = tf.data.Dataset.from_tensor_slices((packed, labels)).batch(BATCH)
    data = data.cache().repeat().prefetch(2)

    marks: list[float] = []

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            marks.append(time.perf_counter())

    model.fit(data, steps_per_epoch=steps, verbose=0, callbacks=[Clock()])
    times = np.diff(marks)[5:] * 1e3
    return {
        "optimizer": optimizer,
        "rows": rows,
        "ids": skew,
        "step_ms": statistics.median(times),
        "peak_bytes": peak(),
        "libraries_bytes": before,
        "table_bytes": table_bytes(optimizer, rows),
    }


def peak() -> int:
    """Most memory that this process has held, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def in_a_process(*arguments: Any) -> dict[str, Any]:
    """`measure` in a process of its own."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        command = [sys.executable, __file__, "--one", *map(str, arguments), file.name]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        return dict(json.load(file))


def study(
    names: Sequence[str], sizes: Sequence[int], skews: Sequence[str], runs: int
) -> list[dict[str, Any]]:
    """Every case `runs` times, in rounds, so that noise of the machine hits all."""
    cases = [(name, rows, skew) for skew in skews for name in names for rows in sizes]
    found: dict[Any, list[dict[str, Any]]] = {case: [] for case in cases}
    for _ in range(runs):
        for case in cases:
            found[case].append(in_a_process(*case, 40))
            print(*case, f"{found[case][-1]['step_ms']:.1f} ms", file=sys.stderr)
    return [summary(results) for results in found.values()]


def summary(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The median of the runs of a case, with their spread."""
    times = [result["step_ms"] for result in results]
    most = max(result["peak_bytes"] for result in results)
    return {
        **results[0],
        "step_ms": statistics.median(times),
        "step_ms_all": times,
        "peak_bytes": most,
        "extra_bytes": most - results[0]["table_bytes"],
    }


PAGE = """\
# Step time and vocabulary size

Printed by `benchmarks/vocabulary.py` on {machine}.

DeepFM, 26 fields, width 16 and one linear weight, MLP 256-128-64, batches of
4,096. Each run is a process of its own; a step is the median of 34 after the first
six. `rows` counts all tables together. `even` ids touch as many different rows as
there can be; `zipf` ids are log-uniform, like those of click logs. The ratio is to
10,000 rows, which lie in the cache of the processor and of which a batch has few
different ones.

{table}

{verdict}
"""
HEADERS = (
    "optimizer",
    "ids",
    "rows",
    "step, ms (all runs)",
    "ratio",
    "peak, GiB",
    "tables and slots, GiB",
    "rest, GiB",
)


def cells(row: dict[str, Any]) -> list[str]:
    """One line of the table."""
    low, high = min(row["step_ms_all"]), max(row["step_ms_all"])
    return [
        row["optimizer"],
        row["ids"],
        f"{row['rows']:,}",
        f"{row['step_ms']:.1f} ({low:.1f} to {high:.1f})",
        f"{row['ratio']:.2f}",
        *(
            f"{row[name] / 2**30:.2f}"
            for name in ("peak_bytes", "table_bytes", "extra_bytes")
        ),
    ]


def verdict(rows: Sequence[dict[str, Any]]) -> str:
    """The worst of all rows beside the targets."""
    worst = max(rows, key=lambda row: row["ratio"])
    most = max(row["extra_bytes"] for row in rows)
    return (
        f"Largest ratio {worst['ratio']:.2f} "
        f"({worst['optimizer']}, {worst['ids']} ids; "
        f"target {TARGET_RATIO}); most memory beside tables and slots "
        f"{most / 2**30:.2f} GiB (target {TARGET_EXTRA / 2**30:.1f})."
    )


def page(rows: Sequence[dict[str, Any]]) -> str:
    """The page under docs/results/."""
    lines = ["| " + " | ".join(line) + " |" for line in (HEADERS, ["---"] * 8)]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    machine = (
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"Linux {platform.release()}"
    )
    return PAGE.format(machine=machine, table="\n".join(lines), verdict=verdict(rows))


def show(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """Prints the table; a ratio is to the fewest rows of the same optimizer and ids."""
    table = Table(*HEADERS)
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)
    console.print(verdict(rows))


def with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Adds each row's step time relative to that with the fewest rows."""
    first: dict[tuple[str, str], float] = {}
    for row in rows:
        key = (row["optimizer"], row["ids"])
        row["ratio"] = row["step_ms"] / first.setdefault(key, row["step_ms"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--optimizer", nargs="+", default=OPTIMIZERS)
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS)
    parser.add_argument("--ids", nargs="+", default=("zipf", "even"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, rows, skew, steps, file = options.one
        result = measure(name, int(rows), skew, int(steps))
        Path(file).write_text(json.dumps(result))
        return
    if options.quick:
        options.optimizer, options.rows = ["LazyAdam"], (10_000, 2_000_000)
        options.ids, options.runs = ["zipf"], 1
    rows = with_ratios(
        study(options.optimizer, options.rows, options.ids, options.runs)
    )
    show(rows, Console(width=140))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(rows, indent=2))
    if options.page:
        options.page.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
