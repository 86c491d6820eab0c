"""Loss of DFGR against its size: width, depth and embedding share (Complete Journey).

Every size learns from the same whole users for the same number of passes; the pass
with the lowest validation loss counts, and its loss on the test part is shown. What is
not in the tables of embeddings is called dense.

    python benchmarks/scaling.py --json build/scaling.json \
        --page docs/results/scaling.md
    python benchmarks/scaling.py --quick

What `--json` holds from an earlier run of the same settings is kept.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.optimize import OptimizeWarning, curve_fit

from tfctr import data, models, optimizers

# Changed one at a time from a middle size: what a row is about, and its arguments.
MIDDLE = {"dim": 32, "num_blocks": 2, "embedding_dim": 16}
SIZES = (
    ("width", {"dim": 8}),
    ("width", {"dim": 16}),
    ("middle", {}),
    ("width", {"dim": 64}),
    ("depth", {"num_blocks": 1}),
    ("depth", {"num_blocks": 4}),
    ("embeddings", {"embedding_dim": 4}),
    ("embeddings", {"embedding_dim": 48}),
)
LEARNING_RATE, USERS, EVENTS = 3e-3, 2, 256


def sizes_of(model: Any, arguments: dict[str, int], lengths: Any) -> dict[str, float]:
    """Parameters, and multiply-adds of a training pass over users of some lengths.

    Each dense weight is used once a position in each of two flows, and three times as
    often with the backward pass; a flow of `n` positions has `n * n / 2` pairs, each of
    which costs two products of the width.
    """
    total = int(model.count_params())
    variables = model.tokens.embeddings.trainable_variables
    tables = sum(int(np.prod(v.shape)) for v in variables)
    dense, positions = total - tables, float(np.sum(lengths))
    pairs = 2 * float(np.sum(np.square(lengths, dtype=float))) / 2
    attention = 2 * arguments["dim"] * arguments["num_blocks"] * pairs
    return {
        "parameters": total,
        "dense": dense,
        "multiply_adds": 3 * (2 * dense * positions + attention),
    }


def run(
    dataset: data.Dataset, arguments: dict[str, int], passes: int, seed: int
) -> dict[str, Any]:
    """Trains one size once."""
    keras.utils.set_random_seed(seed)
    model = models.DFGR(dataset.schema, context=False, seed=seed, **arguments)
    model.compile(optimizers.default(LEARNING_RATE), weighted_metrics=[])
    parts = {
        part: dataset.to_sequence_dataset(part, USERS, max_events=EVENTS, seed=seed)
        for part in ("train", "validation", "test")
    }
    lengths = dataset.user_sequences("train", max_events=EVENTS)["purchase"].map(len)
    started, found = time.perf_counter(), []
    for _ in range(passes):
        fitted = model.fit(parts["train"], verbose=0).history["loss"][-1]
        losses = {p: loss_of(model, parts[p]) for p in ("validation", "test")}
        found.append({"train": fitted, **losses})
    best = min(found, key=lambda losses: losses["validation"])
    return {
        **sizes_of(model, {**MIDDLE, **arguments}, lengths),
        **{name: float(value) for name, value in best.items()},
        "best_pass": 1 + found.index(best),
        "passes": found,
        "seconds": time.perf_counter() - started,
        "seed": seed,
    }


def loss_of(model: Any, batches: Any) -> float:
    """Log loss over all positions with a weight, each counted once."""
    total = weight = 0.0
    for x, y, w in batches:
        logits = np.asarray(model.predict_on_batch(x)["purchase"], "float64")
        losses = np.logaddexp(0, logits) - y["purchase"].numpy() * logits
        total += float((losses * w["purchase"].numpy()).sum())
        weight += float(w["purchase"].numpy().sum())
    return total / weight


def study(
    dataset: data.Dataset, sizes: Any, passes: int, seeds: int, kept: list[Any]
) -> Iterator[list[dict[str, Any]]]:
    """Yields all rows after each size; those in `kept` are not run again."""
    rows = []
    for about, change in sizes:
        arguments = {**MIDDLE, **change}
        before = [row for row in kept if row["arguments"] == arguments]
        if before:
            rows.append(before[0])
        else:
            runs = [run(dataset, arguments, passes, seed) for seed in range(seeds)]
            rows.append({"about": about, "arguments": arguments, "runs": runs})
            Console().print(about, arguments, [round(r["test"], 4) for r in runs])
        yield rows


def fit(rows: list[dict[str, Any]], size: str) -> dict[str, Any] | None:
    """`loss = floor + scale * size ** -exponent` over the rows that change the width.

    Returns:
        The three numbers, the standard error of the exponent, the range of sizes and
        the largest deviation; `None` where no such curve was found.
    """
    widths = [row for row in rows if row["about"] in ("width", "middle")]
    runs = [run for row in widths for run in row["runs"]]
    if len(widths) < 4:
        return None
    x = np.array([r[size] for r in runs], "float64")
    y = np.array([r["test"] for r in runs])
    unit = x / x.min()

    def curve(size: Any, floor: float, scale: float, exponent: float) -> Any:
        return floor + scale * size**-exponent

    start = (y.min() * 0.98, max(y.max() - y.min(), 1e-3), 0.5)
    bounds = ([0, 0, 0.01], [y.max(), 1, 5])
    try:
        found, spread = curve_fit(curve, unit, y, start, bounds=bounds)
    except (RuntimeError, ValueError, OptimizeWarning):
        return None
    error = float(np.sqrt(spread[2, 2]))
    return {
        "floor": float(found[0]),
        "scale": float(found[1]),
        "exponent": float(found[2]),
        "exponent_error": error if np.isfinite(error) else None,
        "from": float(x.min()),
        "to": float(x.max()),
        "largest_deviation": float(np.abs(curve(unit, *found) - y).max()),
        "seed_spread": float(np.mean([np.ptp([r["test"] for r in row["runs"]])
                                      for row in rows])),
    }  # fmt: skip


def mean_of(row: dict[str, Any], name: str) -> float:
    return statistics.mean(run[name] for run in row["runs"])


def cells(row: dict[str, Any]) -> list[str]:
    """A row of the table."""
    losses = [run["test"] for run in row["runs"]]
    spread = statistics.stdev(losses) if len(losses) > 1 else 0.0
    arguments = row["arguments"]
    share = 1 - mean_of(row, "dense") / mean_of(row, "parameters")
    return [
        row["about"],
        str(arguments["dim"]),
        str(arguments["num_blocks"]),
        str(arguments["embedding_dim"]),
        f"{mean_of(row, 'parameters'):,.0f}",
        f"{mean_of(row, 'dense'):,.0f}",
        f"{share:.1%}",
        f"{mean_of(row, 'multiply_adds') / 1e9:,.1f}",
        f"{mean_of(row, 'train'):.4f}",
        f"{mean_of(row, 'validation'):.4f}",
        f"{statistics.mean(losses):.4f} ± {spread:.4f}",
        f"{mean_of(row, 'best_pass'):.1f}",
    ]


COLUMNS = (
    "changed", "dim", "blocks", "embedding", "parameters", "dense", "embedding share",
    "G multiply-adds a pass", "train loss", "validation loss", "test loss", "best pass",
)  # fmt: skip


def sentence(found: dict[str, Any] | None, size: str) -> str:
    """What a fitted curve says, and how far."""
    name = {"dense": "dense parameters", "multiply_adds": "multiply-adds a pass"}[size]
    if found is None:
        return f"- No power law in the {name} could be fitted."
    error = found["exponent_error"]
    within = "not determined" if error is None else f"standard error {error:.2f}"
    return (
        f"- loss = {found['floor']:.4f} + {found['scale']:.4f} *"
        f" (size / {found['from']:.3g}) ** -{found['exponent']:.2f}, of {name} from"
        f" {found['from']:.3g} to {found['to']:.3g}; exponent: {within}; largest"
        f" deviation {found['largest_deviation']:.4f}, where two seeds of one size"
        f" differ by {found['seed_spread']:.4f}."
    )


def markdown(about: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """The page under docs/results/."""
    lines = [
        "# Loss of DFGR against its size",
        "",
        f"Written by `{about['command']}` on {about['machine']}. Complete Journey (the"
        f" data is simulated), {about['households']} households,"
        f" {about['labels']:,} labels in the train part, {about['passes']} passes,"
        f" {about['seeds']} seeds. One size changes at a time; the pass with the lowest"
        " validation loss counts.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---" * len(COLUMNS) + "|",
        *("| " + " | ".join(cells(row)) + " |" for row in rows),
        "",
        "Power law, fitted over the rows that change the width alone:",
        "",
        *(sentence(about["fits"][size], size) for size in about["fits"]),
        "",
        "Nothing is claimed outside of these ranges, nor for other data.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = tuple(dict.fromkeys(about for about, _ in SIZES))
    parser.add_argument("--changed", nargs="+", default=kinds, choices=kinds)
    parser.add_argument("--households", type=int, default=50)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="three small sizes")
    parser.add_argument("--json", type=Path, help="also write the raw runs here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    options = parser.parse_args()
    sizes = tuple(size for size in SIZES if size[0] in options.changed)
    if options.quick:
        sizes = (SIZES[0], SIZES[1], ("depth", {"dim": 8, "num_blocks": 1}))
        options.households, options.passes, options.seeds = 4, 1, 1
    dataset = data.complete_journey(max_households=options.households)
    about = {
        "command": " ".join(["python", *sys.argv]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one thread",
        "labels": len(dataset.train),
        "households": options.households,
        "passes": options.passes,
        "seeds": options.seeds,
    }
    kept = kept_of(options.json, about)
    for rows in study(dataset, sizes, options.passes, options.seeds, kept):
        if options.json:
            options.json.write_text(json.dumps({**about, "rows": rows}, indent=1))
    about["fits"] = {size: fit(rows, size) for size in ("dense", "multiply_adds")}
    shown = Table(*COLUMNS)
    for row in rows:
        shown.add_row(*cells(row))
    Console().print(shown)
    if options.json:
        options.json.write_text(json.dumps({**about, "rows": rows}, indent=1))
    if options.page:
        options.page.write_text(markdown(about, rows))


def kept_of(path: Path | None, about: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of an earlier run with the same settings."""
    if path is None or not path.is_file():
        return []
    before = json.loads(path.read_text())
    same = all(before[n] == about[n] for n in ("households", "passes", "seeds"))
    rows: list[dict[str, Any]] = before["rows"] if same else []
    return rows


if __name__ == "__main__":
    main()
