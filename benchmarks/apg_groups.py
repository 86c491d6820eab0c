"""Shows how well small groups are served by generated weights (planted data).

Each of 2,000 groups has a direction of its own inside a common subspace; their sizes
follow a power law. All models are linear in the inputs, so that only what a group's
weights are made from differs.

    python benchmarks/apg_groups.py --json build/apg_groups.json \
        --page docs/results/apg_groups.md
    python benchmarks/apg_groups.py --quick
"""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from tfctr.layers import FullAdaptiveDense, SharedAdaptiveDense
from tfctr.metrics.arrays.overall import auc

WIDTH, SUBSPACE, CONDITION, UNITS, RANK = 16, 3, 8, 8, 4
GROUPS, ROWS, TEST_ROWS = 2_000, 120_000, 100_000
# Bounds of the number of training rows of a group.
BOUNDS = (0, 10, 30, 100, 1_000, ROWS)


def planted(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Inputs, groups by Zipf's law in training and evenly in the test, and labels."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(WIDTH, SUBSPACE)))[0]
    directions = rng.normal(size=(GROUPS, SUBSPACE)) @ basis.T
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    shares = 1 / np.arange(1, GROUPS + 1)
    groups = np.concatenate(
        [
            rng.choice(GROUPS, rows, p=shares / shares.sum()),
            rng.integers(0, GROUPS, TEST_ROWS),
        ]
    )
    inputs = rng.normal(size=(len(groups), WIDTH)).astype("float32")
    logits = 4 * (inputs * directions[groups]).sum(axis=1)
    labels = rng.uniform(size=len(groups)) < 1 / (1 + np.exp(-logits))
    return {
        "inputs": inputs,
        "groups": groups.astype("int32"),
        "labels": labels.astype("float32"),
        "logits": logits,
    }


def by_layer(layer: Any) -> keras.Model:
    """A layer whose condition is the group's embedding, and a linear logit."""
    inputs, groups = keras.Input((WIDTH,)), keras.Input((), dtype="int32")
    condition = keras.layers.Embedding(GROUPS, CONDITION)(groups)
    outputs = keras.layers.Dense(1)(layer(inputs, condition))
    return keras.Model([inputs, groups], outputs)


def by_group() -> keras.Model:
    """One trained weight vector and bias a group."""
    inputs, groups = keras.Input((WIDTH,)), keras.Input((), dtype="int32")
    weights = keras.layers.Embedding(GROUPS, WIDTH)(groups)
    bias = keras.layers.Embedding(GROUPS, 1)(groups)
    outputs = keras.layers.Dot(axes=1)([inputs, weights]) + bias
    return keras.Model([inputs, groups], outputs)


def static() -> keras.Model:
    """Linear in inputs and the group's embedding, the same weights for all."""
    inputs, groups = keras.Input((WIDTH,)), keras.Input((), dtype="int32")
    condition = keras.layers.Embedding(GROUPS, CONDITION)(groups)
    hidden = keras.layers.Concatenate()([inputs, condition])
    return keras.Model([inputs, groups], keras.layers.Dense(1)(hidden))


MODELS: dict[str, Callable[[], keras.Model]] = {
    "static": static,
    "weights of each group": by_group,
    "APG v1": lambda: by_layer(FullAdaptiveDense(UNITS)),
    "APG v4": lambda: by_layer(SharedAdaptiveDense(UNITS, rank=RANK)),
}


def logits_of(
    make: Callable[[], keras.Model], data: dict[str, np.ndarray], rows: int, seed: int
) -> np.ndarray:
    """Test logits at the epoch with the lowest loss on a tenth of the training rows."""
    keras.utils.set_random_seed(seed)
    model = make()
    model.compile(
        keras.optimizers.Adam(3e-3),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    parts = [data["inputs"][:rows], data["groups"][:rows]]
    stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model.fit(
        parts,
        data["labels"][:rows],
        batch_size=1024,
        epochs=30,
        validation_split=0.1,
        callbacks=[stop],
        verbose=0,
    )
    test = [data["inputs"][rows:], data["groups"][rows:]]
    return np.asarray(model.predict(test, batch_size=8192, verbose=0))[:, 0]


def study(rows: int, seeds: int) -> list[dict[str, Any]]:
    """AUC of each model in each range of group sizes, a list over seeds."""
    found: dict[str, list[list[float]]] = {}
    for seed in range(seeds):
        data = planted(rows, seed)
        counts = np.bincount(data["groups"][:rows], minlength=GROUPS)
        sizes, labels = counts[data["groups"][rows:]], data["labels"][rows:]
        scores = {n: logits_of(m, data, rows, seed) for n, m in MODELS.items()}
        scores["true logits"] = data["logits"][rows:]
        for name, logits in scores.items():
            found.setdefault(name, []).append(by_size(labels, logits, sizes))
    return [{"model": name, "auc": values} for name, values in found.items()]


def by_size(labels: np.ndarray, logits: np.ndarray, sizes: np.ndarray) -> list[float]:
    """AUC in each range of sizes; nan where a range has no rows."""
    picked = [(sizes >= low) & (sizes < high) for low, high in pairwise(BOUNDS)]
    return [
        auc(labels[rows], logits[rows]) if rows.any() else float("nan")
        for rows in picked
    ]


HEADERS = (
    "model",
    *(f"{low:,} to {high - 1:,} rows" for low, high in pairwise(BOUNDS)),
)
PAGE = """\
# APG and small groups

Printed by `benchmarks/apg_groups.py` on {machine}.

Planted data: 2,000 groups, each with a direction of its own in a common subspace of 3
of 16 dimensions; {rows:,} training rows, the sizes of the groups by a power law;
{seeds} seeds. AUC on test rows, by the number of training rows of their group; mean
over seeds. Models are linear in the inputs; each stops at the lowest loss on a tenth of
the training rows.

{table}

Weights of each group are learnt from its own rows alone; of what APG generates, all but
a condition of {condition} numbers a group is shared.
"""


def cells(row: dict[str, Any]) -> list[str]:
    """One line of the table."""
    means = [statistics.mean(values) for values in zip(*row["auc"], strict=True)]
    return [row["model"], *(f"{mean:.3f}" for mean in means)]


def page(rows: Sequence[dict[str, Any]], num_rows: int) -> str:
    """The page under docs/results/."""
    lines = [HEADERS, ["---"] * len(HEADERS), *map(cells, rows)]
    return PAGE.format(
        machine=f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"Linux {platform.release()}",
        rows=num_rows,
        seeds=len(rows[0]["auc"]),
        condition=CONDITION,
        table="\n".join("| " + " | ".join(line) + " |" for line in lines),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one seed, few rows")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    num_rows = 20_000 if options.quick else ROWS
    rows = study(num_rows, 1 if options.quick else options.seeds)
    table = Table(*HEADERS)
    for row in rows:
        table.add_row(*cells(row))
    Console(width=120).print(table)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(rows, indent=1))
    if options.page:
        options.page.write_text(page(rows, num_rows), encoding="utf-8")


if __name__ == "__main__":
    main()
