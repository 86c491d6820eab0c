"""DHEN against its size, or its single modules, at equal time, on MovieLens-100k.

    python benchmarks/dhen_size.py --json build/dhen_size.json
    python benchmarks/dhen_size.py --page docs/results/dhen_size.md
    python benchmarks/dhen_size.py --modules --page docs/results/dhen_modules.md
    python benchmarks/dhen_size.py --quick

Every size trains for the same seconds of the processor (of all threads, without the
making of graphs and without validation), at one learning rate. Ten times in that, it
is judged on the validation part; the test part is measured at the best of these times.
Depth is the number of layers, of MLP and Transformer, then MLP and MaskNet, and so on;
width that of the embeddings. With `--modules`, two such layers stand beside two layers
of each module alone, whose embeddings are as wide as it takes for about equal
parameters.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from tfctr import optimizers
from tfctr.data import Dataset, movielens_100k, synthetic
from tfctr.evaluation import evaluate
from tfctr.features import FeatureSchema
from tfctr.models import DHEN

DEPTHS, WIDTHS = (1, 2, 4), (8, 32)
MODULES = ("mlp", "transformer", "mask", "cross")
# Of `--modules`, from which the nearest in parameters is taken.
MODULE_DEPTH, MODULE_WIDTH = 2, 8
MODULE_WIDTHS = (4, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64)
Shape = dict[str, Any]
CHECKS, BATCH_SIZE, LEARNING_RATE = 10, 512, 1e-3


class Budget(keras.callbacks.Callback):
    """Stops `fit` after so many seconds of the processor, and keeps the best weights.

    Args:
        seconds: The seconds.
        valid: Batches by which it is judged.
    """

    def __init__(self, seconds: float, valid: Any) -> None:
        super().__init__()
        self.seconds, self.valid = seconds, valid
        self.steps, self.used, self.since = 0, 0.0, 0.0
        self.checks: list[tuple[int, float]] = []
        self.best: list[Any] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self.steps < 2:  # before that, the graph is made
            self.since = time.process_time()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        if self.steps < 2:
            return
        now = time.process_time()
        self.used += now - self.since
        if self.used >= self.seconds * (len(self.checks) + 1) / CHECKS:
            self.check()
        self.since = time.process_time()

    def check(self) -> None:
        """Judges the present weights."""
        loss = mean_log_loss(self.model, self.valid)
        if not self.checks or loss < min(value for _, value in self.checks):
            self.best = self.model.get_weights()
        self.checks.append((self.steps, loss))
        self.model.stop_training = len(self.checks) >= CHECKS


def mean_log_loss(model: keras.Model, batches: Any) -> float:
    """Of the first label."""
    name, total, count = model.label_names[0], 0.0, 0
    for x, y, *_ in batches:
        logits = model.predict({key: value.numpy() for key, value in x.items()})[name]
        losses = np.logaddexp(0, logits) - y[name].numpy() * logits
        total, count = total + losses.sum(), count + len(losses)
    return total / count


def made(schema: FeatureSchema, shape: Shape, seed: int = 0) -> DHEN:
    """The model of a depth and a width, of all modules or of one kind alone."""
    kind, depth = shape["modules"], shape["depth"]
    layers: Any = "pinterest_cvr" if kind == "DHEN" else [[kind]]
    return DHEN(
        schema,
        layers=layers,
        depth=depth,
        dim=shape["width"],
        dropout=0.2,
        seed=seed,
    )


def of_equal_size(schema: FeatureSchema) -> list[Shape]:
    """DHEN, and each module alone with about as many parameters."""
    whole = {"modules": "DHEN", "depth": MODULE_DEPTH, "width": MODULE_WIDTH}

    def parameters(shape: Shape) -> int:
        model = made(schema, shape)
        model.build()
        return int(model.count_params())

    target, found = parameters(whole), [whole]
    for kind in MODULES:
        shapes = [{**whole, "modules": kind, "width": width} for width in MODULE_WIDTHS]
        found.append(min(shapes, key=lambda one: abs(parameters(one) - target)))
    return found


def run(data: Dataset, shape: Shape, seed: int, seconds: float) -> dict[str, Any]:
    """Trains one size once: metrics of the test part, and what it took."""
    keras.utils.set_random_seed(seed)
    model = made(data.schema, shape, seed)
    model.compile(optimizers.default(LEARNING_RATE), weighted_metrics=[])
    budget = Budget(seconds, data.to_dataset("validation", 4096))
    train = data.to_dataset("train", BATCH_SIZE, seed=seed)
    model.fit(train, epochs=1000, callbacks=[budget], verbose=0)
    model.set_weights(budget.best)
    report = evaluate(model, data.to_dataset("test", 4096))
    row = next(iter(report.labels.values())).overall
    losses = [loss for _, loss in budget.checks]
    examples = len(data.train)
    return {
        "auc": row.auc,
        "gauc": row.gauc,
        "normalized_entropy": row.normalized_entropy,
        "epochs": budget.steps * BATCH_SIZE / examples,
        "best_epoch": budget.checks[losses.index(min(losses))][0]
        * BATCH_SIZE
        / examples,
        "parameters": model.count_params(),
    }


def study(
    data: Dataset,
    shapes: Sequence[Shape],
    seeds: int,
    seconds: float,
    path: Path | None = None,
) -> list[dict[str, Any]]:
    """All sizes, seed by seed; what is found is written to `path` as it comes."""
    found: list[dict[str, Any]] = [{**shape, "runs": []} for shape in shapes]
    for seed in range(seeds):
        for size, shape in zip(found, shapes, strict=True):
            size["runs"].append(run(data, shape, seed, seconds))
            Console().print(*shape.values(), seed, round(size["runs"][-1]["auc"], 4))
            if path:
                path.write_text(json.dumps(found, indent=1))
    return found


def sizes(
    depths: Sequence[int] = DEPTHS, widths: Sequence[int] = WIDTHS
) -> list[Shape]:
    """Every depth with every width."""
    return [
        {"modules": "DHEN", "depth": depth, "width": width}
        for depth in depths
        for width in widths
    ]


def rows(found: list[dict[str, Any]]) -> list[list[str]]:
    """A row of each size: medians, and the range of what is measured."""
    shown = []
    for size in found:
        runs = size["runs"]
        cells = [str(size[name]) for name in shape_columns(found)]
        cells.append(f"{runs[0]['parameters']:,}")
        for name in ("auc", "gauc", "normalized_entropy"):
            values = [one[name] for one in runs]
            middle = statistics.median(values)
            cells.append(f"{middle:.4f} ({min(values):.4f} to {max(values):.4f})")
        for name in ("epochs", "best_epoch"):
            cells.append(f"{statistics.median(one[name] for one in runs):.1f}")
        shown.append(cells)
    return shown


HEAD = ["parameters", "AUC", "GAUC", "NE", "epochs", "best at"]


def shape_columns(found: list[dict[str, Any]]) -> list[str]:
    """What tells the sizes apart: also the modules, where there are several kinds."""
    several = len({size["modules"] for size in found}) > 1
    return ["modules"] * several + ["depth", "width"]


def markdown(found: list[dict[str, Any]], seconds: float, remarks: list[str]) -> str:
    """The page under docs/results/."""
    head = [*shape_columns(found), *HEAD]
    table = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    table += [f"| {' | '.join(cells)} |" for cells in rows(found)]
    seeds = len(found[0]["runs"])
    several = "modules" in head
    title = "DHEN and its single modules" if several else "depth and width of DHEN"
    option = " --modules" if several else ""
    intro = (
        f"Written by `python benchmarks/dhen_size.py{option} --seconds {seconds:g} "
        f"--seeds {seeds}` on {platform.machine()}, {os.cpu_count()} cores, "
        f"{platform.platform()}, a machine that others used too. Each size trains for "
        f"{seconds:g} seconds of the processor, at a learning rate of "
        f"{LEARNING_RATE:g}, batches of {BATCH_SIZE} and dropout 0.2 in the towers; of "
        f"{CHECKS} times in that, the one with the least validation loss is measured "
        f"on the test part. {seeds} "
        "seeds: median (range). Epochs are what fitted into the time."
    )
    note = (
        "MovieLens-100k, GroupLens (Harper and Konstan, 2015); label: rating of at "
        "least 4; split by time."
    )
    parts = [f"# Results: {title}", intro, "\n".join(table)]
    return "\n\n".join([*parts, *remarks, note]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--modules", action="store_true", help="and single modules")
    parser.add_argument("--quick", action="store_true", help="two sizes, made-up data")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    parser.add_argument("--from-json", type=Path, help="a page of earlier numbers")
    parser.add_argument("--remark", action="append", default=[], help="for the page")
    options = parser.parse_args()
    seconds = 1.0 if options.quick else options.seconds
    path = options.json
    if options.from_json:
        found = json.loads(options.from_json.read_text())
    elif options.quick:
        found = study(synthetic(2_000, seed=1), sizes((1, 2), (8,)), 1, seconds, path)
    else:
        data = movielens_100k()
        shapes = of_equal_size(data.schema) if options.modules else sizes()
        found = study(data, shapes, options.seeds, seconds, path)
    shown = Table(*shape_columns(found), *HEAD)
    for cells in rows(found):
        shown.add_row(*cells)
    Console().print(shown)
    if options.page:
        options.page.write_text(markdown(found, seconds, options.remark))


if __name__ == "__main__":
    main()
