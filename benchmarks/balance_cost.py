"""What it costs to weigh tasks: a training step with fixed and with moving weights.

Multi-task models with three labels train on random ids, in `fit`; runs alternate, so
that noise of the machine meets all alike.

    python benchmarks/balance_cost.py --json build/balance_cost.json \
        --page docs/results/balance_cost.md
    python benchmarks/balance_cost.py --quick
"""

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from tfctr import models, optimizers
from tfctr.features import Categorical, FeatureSchema, Label, Vocabulary

MODELS = ("SharedBottom", "MMoE", "PLE")
BALANCES = ("fixed", "uncertainty", "gradnorm")
LABELS = ("click", "cart", "buy")
BATCH, FIELDS, VALUES, STEPS, ROUNDS = 1024, 12, 1000, 40, 5
HEADERS = ("model", *(f"{name}, ms" for name in BALANCES), "uncertainty", "gradnorm")


class Clock(keras.callbacks.Callback):
    """When each step ended."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.marks.append(time.perf_counter())

    @property
    def step_ms(self) -> float:
        """Median of the steps after the first."""
        return 1e3 * statistics.median(np.diff(self.marks[1:]).tolist())


def make_schema() -> FeatureSchema:
    """Twelve hashed fields, three labels."""
    names = [f"field_{place}" for place in range(FIELDS)]
    return FeatureSchema(
        user=[Categorical(names[0])],
        item=[Categorical(names[1])],
        context=[Categorical(name) for name in names[2:]],
        labels=[Label(name) for name in LABELS],
        user_id=names[0],
        item_id=names[1],
        vocabularies=[Vocabulary(name, num_hash_buckets=VALUES) for name in names],
    )


def make_data(schema: FeatureSchema) -> tf.data.Dataset:
    """Random ids and labels, cached."""
    rng, rows = np.random.default_rng(0), 8 * BATCH
    x = {
        column.name: rng.integers(1, VALUES, rows).astype("int32")
        for column in schema.encoded_columns()
    }
    y = {name: rng.integers(0, 2, rows).astype("float32") for name in LABELS}
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)
    return data.cache().repeat().prefetch(2)


def study(names: tuple[str, ...], steps: int, rounds: int) -> list[dict[str, Any]]:
    """Milliseconds of a step, by model and balance."""
    schema = make_schema()
    data, rows = make_data(schema), []
    for name in names:
        made = {}
        for balance in BALANCES:
            made[balance] = models.get(name)(schema, dim=16)
            made[balance].compile(
                optimizer=optimizers.default(1e-3), balance=balance, weighted_metrics=[]
            )
        times: dict[str, list[float]] = {balance: [] for balance in BALANCES}
        for _ in range(rounds):
            for balance, model in made.items():
                clock = Clock()
                model.fit(data, steps_per_epoch=steps, callbacks=[clock], verbose=0)
                times[balance].append(clock.step_ms)
        rows.append({"model": name, **times})
        print(rows[-1], flush=True)
    return rows


def cells(row: dict[str, Any]) -> list[str]:
    """One line of the table: medians with their range, and ratios to fixed weights."""
    medians = {name: statistics.median(row[name]) for name in BALANCES}
    return [
        row["model"],
        *(
            f"{medians[name]:.2f} ({min(row[name]):.2f} to {max(row[name]):.2f})"
            for name in BALANCES
        ),
        *(f"{medians[name] / medians['fixed']:.2f}" for name in BALANCES[1:]),
    ]


def page(rows: list[dict[str, Any]], machine: str) -> str:
    """The page under docs/results/."""
    return "\n".join(
        [
            "# Cost of weighing tasks",
            "",
            f"Printed by `benchmarks/balance_cost.py` on {machine}. Three labels, "
            f"{FIELDS} fields, width 16, batches of {BATCH:,}; a step in "
            f"`fit`: medians of {ROUNDS} alternating runs (least to greatest), and how "
            "many times as long as with fixed weights.",
            "",
            "| " + " | ".join(HEADERS) + " |",
            "|---" * len(HEADERS) + "|",
            *("| " + " | ".join(cells(row)) + " |" for row in rows),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one model, few steps")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    options = parser.parse_args()
    rows = study(("MMoE",), 5, 1) if options.quick else study(MODELS, STEPS, ROUNDS)
    shown = Table(*HEADERS)
    for row in rows:
        shown.add_row(*cells(row))
    Console(width=140).print(shown)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}"
    if options.json:
        options.json.write_text(
            json.dumps({"machine": machine, "rows": rows}, indent=1)
        )
    if options.page:
        options.page.write_text(page(rows, machine), encoding="utf-8")


if __name__ == "__main__":
    main()
