"""Shows what APG towers cost to train and hold, beside the static tower.

Trains towers [1024, 512, 256] on 393 inputs, batches of 4,096, in interleaved rounds of
one process; rank 8, condition of width 32. A step is loss, gradient and Adam.

    python benchmarks/apg_cost.py --json build/apg_cost.json \
        --page docs/results/apg_cost.md
    python benchmarks/apg_cost.py --quick
"""

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

WIDTH, UNITS = 393, [1024, 512, 256]
RANK, CONDITION, INNER = 8, 32, 32
BATCH, SMALL_BATCH = 4096, 64
# Whole matrices of 4,096 rows would be 8.6 GB in one layer.
VERSIONS = {"static": BATCH, "v4": BATCH, "v5": BATCH, "v3": BATCH}
SMALL_VERSIONS = {"static": SMALL_BATCH, "v2": SMALL_BATCH, "v1": SMALL_BATCH}
TARGET_TIME, TARGET_PARAMETERS = 0.25, 0.034
SELF_RANKS = (4, 8, 16, 32)


def make(version: str) -> Any:
    """A built tower."""
    from tfctr.layers import APG, MLP, AdaptiveMLP

    if version == "static":
        tower = MLP(UNITS, seed=0)
        tower.build((None, WIDTH))
        return tower
    inner = INNER if version == "v5" else None
    rank = None if version == "v1" else RANK
    apg = APG(["condition"], version, rank, inner, start="static")
    tower = AdaptiveMLP(UNITS, apg=apg, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some cost more; that is what is shown
        tower.build((None, WIDTH), (None, 1, CONDITION))
    return tower


def step_of(version: str, batch: int) -> tuple[Callable[[], Any], int]:
    """A compiled training step, and the number of parameters."""
    import tensorflow as tf

    from tfctr import optimizers

    rng = np.random.default_rng(0)
    inputs = tf.constant(rng.normal(size=(batch, WIDTH)).astype("float32"))
    condition = tf.constant(rng.normal(size=(batch, 1, CONDITION)).astype("float32"))
    target = tf.constant(rng.normal(size=(batch, UNITS[-1])).astype("float32"))
    tower = make(version)
    optimizer = optimizers.Adam(1e-3)
    optimizer.build(tower.trainable_variables)
    arguments = (inputs,) if version == "static" else (inputs, condition)

    @tf.function
    def step() -> Any:
        with tf.GradientTape() as tape:
            outputs = tower(*arguments, training=True)
            loss = tf.reduce_mean(tf.square(outputs - target))
        gradients = tape.gradient(loss, tower.trainable_variables)
        optimizer.apply(gradients, tower.trainable_variables)
        return loss

    return step, tower.count_params()


def measure(versions: dict[str, int], rounds: int, repeats: int) -> list[Any]:
    """Median step times; rounds go over all versions, so that noise hits all."""
    steps = {version: step_of(version, batch) for version, batch in versions.items()}
    for step, _ in steps.values():
        step(), step()
    times: dict[str, list[float]] = {version: [] for version in versions}
    for _ in range(rounds):
        for version, (step, _) in steps.items():
            started = time.perf_counter()
            for _ in range(repeats):
                step()
            times[version].append((time.perf_counter() - started) / repeats * 1e3)
    return [
        {
            "version": version,
            "batch": batch,
            "step_ms": statistics.median(times[version]),
            "step_ms_all": times[version],
            "parameters": steps[version][1],
            "weights": weights(version),
        }
        for version, batch in versions.items()
    ]


def weights(version: str) -> int:
    """Parameters of the served form without biases, by the formula."""
    from tfctr.layers import APG
    from tfctr.layers.interaction.adaptive.costs import adaptive_cost, static_cost

    if version == "static":
        return static_cost([WIDTH, *UNITS]).parameters
    rank = None if version == "v1" else RANK
    apg = APG(["condition"], version, rank)
    return adaptive_cost([WIDTH, *UNITS], apg, CONDITION).parameters


def with_ratios(rows: list[Any]) -> list[Any]:
    """Adds time and weights in proportion to the static tower of the same batch."""
    static = {r["batch"]: r for r in rows if r["version"] == "static"}
    for row in rows:
        other = static[row["batch"]]
        row["time_ratio"] = row["step_ms"] / other["step_ms"]
        row["parameter_ratio"] = row["parameters"] / other["parameters"]
        row["weight_ratio"] = row["weights"] / other["weights"]
    return rows


def break_evens() -> list[dict[str, Any]]:
    """Ranks up to which each layer of v4 holds less than a static one."""
    from tfctr.layers import break_even_rank

    widths = [WIDTH, *UNITS]
    return [
        {
            "layer": f"{width} -> {units}",
            "group": break_even_rank(width, units, CONDITION),
            "self": break_even_rank(width, units, width),
        }
        for width, units in zip(widths, UNITS, strict=False)
    ]


def self_wise() -> list[dict[str, Any]]:
    """What the whole tower holds if each layer's inputs are its condition."""
    from tfctr.layers import APG
    from tfctr.layers.interaction.adaptive.costs import adaptive_cost, static_cost

    widths = [WIDTH, *UNITS]
    static = static_cost(widths).parameters
    return [
        {
            "rank": rank,
            "group": adaptive_cost(widths, APG(["c"], rank=rank), CONDITION).parameters
            / static,
            "self": adaptive_cost(widths, APG("self", rank=rank)).parameters / static,
        }
        for rank in SELF_RANKS
    ]


HEADERS = (
    "tower",
    "batch",
    "step, ms (all rounds)",
    "of static",
    "parameters",
    "of static",
    "weights served, by formula",
    "of static",
)


def cells(row: dict[str, Any]) -> list[str]:
    """One line of the table."""
    low, high = min(row["step_ms_all"]), max(row["step_ms_all"])
    return [
        row["version"],
        f"{row['batch']:,}",
        f"{row['step_ms']:.1f} ({low:.1f} to {high:.1f})",
        f"{row['time_ratio']:.2f}",
        f"{row['parameters']:,}",
        f"{100 * row['parameter_ratio']:.2f} %",
        f"{row['weights']:,}",
        f"{100 * row['weight_ratio']:.2f} %",
    ]


def verdict(rows: Sequence[dict[str, Any]]) -> str:
    """v4 beside the targets."""
    row = next(row for row in rows if row["version"] == "v4")
    return (
        f"v4 trains in {row['time_ratio']:.2f} of the time of the static tower (target "
        f"{TARGET_TIME}) and serves {100 * row['weight_ratio']:.2f} % of its weights "
        f"(target {100 * TARGET_PARAMETERS:.1f} %); with all biases, which the formula "
        f"leaves out, {100 * row['parameter_ratio']:.2f} %."
    )


PAGE = """\
# Cost of APG towers

Printed by `benchmarks/apg_cost.py` on {machine}.

Towers {units} on {width} inputs, rank {rank}, a condition of width {condition}, inner
width {inner} for v5. A step is the forward and backward pass and Adam; medians of
{rounds} rounds that go over all towers in one process. v1 and v2 make a matrix for
each row, 8.6 GB for 4,096 of them in one layer, so they run beside a static tower at
batches of {small}.

{table}

{verdict}

## Break-even

Up to which rank a layer of v4 holds less than a static one (the root of
`K^2 D + K (N + M) = N M`), for a condition of width {condition} and for one that is the
layer's inputs:

{break_even}

What the whole tower holds, without biases, in proportion to the static one:

{shares}

A tower that costs more than the static one of its widths warns when it is built.
"""


def markdown(headers: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table of a page."""
    every = [headers, ["---"] * len(headers), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in every)


def page(rows: Sequence[dict[str, Any]]) -> str:
    """The page under docs/results/."""
    return PAGE.format(
        machine=f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"Linux {platform.release()}",
        units=UNITS,
        width=WIDTH,
        rank=RANK,
        condition=CONDITION,
        inner=INNER,
        small=SMALL_BATCH,
        rounds=len(rows[0]["step_ms_all"]),
        table=markdown(HEADERS, [cells(row) for row in rows]),
        verdict=verdict(rows),
        break_even=markdown(
            ("layer", "by features", "self-wise"),
            [
                (r["layer"], f"{r['group']:.1f}", f"{r['self']:.1f}")
                for r in break_evens()
            ],
        ),
        shares=markdown(
            ("rank", "by features", "self-wise"),
            [
                (str(r["rank"]), *(f"{100 * r[k]:.1f} %" for k in ("group", "self")))
                for r in self_wise()
            ],
        ),
    )


def show(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """Prints the tables for people."""
    table = Table(*HEADERS)
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)
    ranks = Table("layer", "break-even rank by features", "self-wise")
    for row in break_evens():
        ranks.add_row(row["layer"], f"{row['group']:.1f}", f"{row['self']:.1f}")
    console.print(ranks)
    console.print(verdict(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="no v1 to v3, few rounds")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    versions, small = dict(VERSIONS), dict(SMALL_VERSIONS)
    if options.quick:
        options.rounds, options.repeats, small = 3, 2, {}
        del versions["v3"]
    rows = measure(versions, options.rounds, options.repeats)
    if small:
        rows += measure(small, options.rounds, 1)
    rows = with_ratios(rows)
    show(rows, Console(width=140))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        found = {"rows": rows, "break_even": break_evens(), "self_wise": self_wise()}
        options.json.write_text(json.dumps(found, indent=1))
    if options.page:
        options.page.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
