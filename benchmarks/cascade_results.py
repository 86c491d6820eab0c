"""First stages of a cascade on real data, measured against one ranker.

For each seed a ranker (DIN) is trained, then each first stage. Every test request asks
both for all items of the catalogue: what share of the ranker's list and of the liked
item does the first stage keep? `+teacher` is taught by the ranker, on the request's
items and as many others drawn from the catalogue.

    python benchmarks/cascade_results.py --json build/cascade_results.json \
        --page docs/results/cascade_movielens_100k.md
    python benchmarks/cascade_results.py --quick
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from tfctr import optimizers
from tfctr.data import Dataset, group_requests
from tfctr.data.batches import encode_frame
from tfctr.evaluation import cascade_report
from tfctr.export import item_table
from tfctr.metrics import auc, recall_at_k, top_list
from tfctr.models import get
from tfctr.training.runs import load_dataset

RANKER = "DIN"
MODELS = (
    "TwoTower",
    "TwoTower+in-batch",
    "TwoTower+teacher",
    "COLD",
    "COLD+teacher",
    "VectorProduct",
    "VectorProduct+teacher",
    "TARQ",
    "TARQ+teacher",
    "TARQ-additive",
    "TARQ-additive+teacher",
    "StoredTargetAttention",
    "StoredTargetAttention+teacher",
)
DRAWN = 15  # items beside each request's own, for the teacher to speak of
K, CUTS = 10, (50, 100, 200, 400)
METRICS = ("auc", "ranker_recall", "liked_recall", "kendall", "ndcg")
TITLES = {
    "auc": "AUC",
    "ranker_recall": f"recall@100 of the ranker's top {K}",
    "liked_recall": "recall@100 of the liked item",
    "kendall": "Kendall",
    "ndcg": f"NDCG@{K} of the cascade at 100",
}
Batch = tuple[Mapping[str, Any], ...]


class Study:
    """Encoded data of all trainings.

    Args:
        data: The data set.
        requests: Most test requests that are measured.
        epochs: Most epochs of a training.
    """

    def __init__(self, data: Dataset, requests: int, epochs: int) -> None:
        self.data, self.epochs = data, epochs
        self.items = item_table(data.state, data.items).encoded
        self.train = self.requests("train", drawn=DRAWN)
        x, y, w = self.requests("test", drawn=0)
        label = data.schema.labels[0].name
        liked = np.flatnonzero((y[label] * w[label]).any(axis=1))
        chosen = np.random.default_rng(0).permutation(liked)[:requests]
        self.users = {n: v[chosen] for n, v in x.items() if n not in self.items}
        self.likes = self._liked(x, y[label][chosen], chosen)

    def requests(self, part: str, drawn: int) -> Batch:
        """Requests of a part, with `drawn` more candidates of no weight."""
        schema = self.data.schema
        arrays = encode_frame(self.data.frame(part), self.data.state)
        x, y, w = group_requests(schema, arrays, max_candidates=DRAWN)
        if not drawn:
            return x, y, w
        rows = len(x["candidate_mask"])
        others = np.random.default_rng(1).integers(
            1, len(self.items[schema.item_id]), (rows, drawn)
        )
        more = {n: v[others] for n, v in self.items.items()}
        more["candidate_mask"] = np.ones((rows, drawn), bool)
        zeros = np.zeros((rows, drawn), "float32")
        joined = {n: np.concatenate([x[n], v], axis=1) for n, v in more.items()}
        return (
            {**x, **joined},
            *(
                {n: np.concatenate([v, zeros], axis=1) for n, v in part.items()}
                for part in (y, w)
            ),
        )

    def batches(self, size: int, seed: int) -> tf.data.Dataset:
        """Shuffled batches of the training requests."""
        data = tf.data.Dataset.from_tensor_slices(self.train)
        return data.shuffle(len(self.train[0]["candidate_mask"]), seed).batch(size)

    def scores(self, model: Any) -> np.ndarray:
        """Logits `(requests, items)` of the first label, of the whole catalogue."""

        @tf.function(reduce_retracing=True)
        def score(user: Any) -> Any:
            rows = tf.shape(user["candidate_mask"])[0]
            items = {
                n: tf.repeat(tf.constant(v)[None], rows, axis=0)
                for n, v in self.items.items()
            }
            given = {n: v for n, v in user.items() if n != "candidate_mask"}
            return model.score(model.encode_user(given), items)[model.label_names[0]]

        parts = []
        rows = len(self.likes)
        for start in range(0, rows, 16):
            user = {
                n: tf.constant(v[start : start + 16]) for n, v in self.users.items()
            }
            user["candidate_mask"] = tf.ones((min(16, rows - start), 1), tf.bool)
            parts.append(score(user).numpy())
        return np.concatenate(parts)[:, 1:]  # without the unknown item

    def _liked(self, x: Any, y: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Which item of the catalogue each request's user liked."""
        name = self.data.schema.item_id
        ids = x[name][chosen]
        known = self.items[name][1:].tolist()
        # Items that the training part lacks share an id, and none of them is found.
        places = {n: place for place, n in enumerate(known) if known.count(n) == 1}
        likes = np.zeros((len(chosen), len(self.items[name]) - 1))
        for row, candidate in np.argwhere(y > 0):
            place = places.get(int(ids[row, candidate]))
            if place is not None:
                likes[row, place] = 1
        return likes


def train(study: Study, name: str, seed: int, teacher: Any = None) -> Any:
    """One model; `+teacher` and `+in-batch` say how, `-additive` names its head."""
    base, _, form = name.partition("+")
    base, _, head = base.partition("-")
    extra: dict[str, Any] = {"head": head} if head else {}
    if form == "in-batch":
        extra = {"in_batch_weight": 0.1, "log_q": True}
    keras.utils.set_random_seed(seed)
    model = get(base)(study.data.schema, dim=8, seed=seed, **extra)
    model.compile(optimizer=optimizers.default(2e-3))
    if form == "teacher":
        model.learn_from(teacher, kind="listwise", weight=1.0)
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", mode="min", patience=2, restore_best_weights=True
    )
    taught = form == "teacher"
    model.fit(
        study.batches(256, seed)
        if taught or base == "TARQ"
        else study.data.to_dataset("train", 512, seed=seed),
        validation_data=study.data.to_dataset("validation", 4096),
        epochs=study.epochs,
        # What is taught is not in the validation loss, which is of the labels alone.
        callbacks=[] if taught else [stop],
        verbose=0,
    )
    return model


def measure(study: Study, model: Any, ranker_scores: np.ndarray) -> dict[str, Any]:
    """Metrics of one first stage."""
    frame = study.data.frame("test")
    label = model.label_names[0]
    logits = model.predict(study.data.to_dataset("test", 4096), verbose=0)[label]
    scores = study.scores(model)
    report = cascade_report(scores, ranker_scores, study.likes, k=K, cuts=CUTS)
    at_100 = next(point for point in report.curve if point.cut == 100)
    probabilities = 1 / (1 + np.exp(-logits.astype("float64")))
    return {
        "auc": auc(frame[label].to_numpy(), probabilities),
        "ranker_recall": recall_at_k(top_list(ranker_scores, K), scores, 100),
        "liked_recall": recall_at_k(study.likes, scores, 100),
        "kendall": report.kendall,
        "ndcg": at_100.ndcg,
        "report": report.to_dict(),
    }


class Runs:
    """Runs that ended, as JSON lines: what a file has is not run again.

    Args:
        path: The file; `None` keeps nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path and path.exists() else []
        read = map(json.loads, lines)
        self.found = {(run["seed"], run["model"]): run["result"] for run in read}

    def add(self, seed: int, model: str, result: dict[str, Any]) -> None:
        """Keeps a run, and prints it."""
        self.found[seed, model] = result
        if self.path:
            with self.path.open("a") as file:
                line = {"seed": seed, "model": model, "result": result}
                file.write(json.dumps(line) + "\n")
        print(seed, model, {n: round(result[n], 4) for n in METRICS}, flush=True)


def run(
    study: Study, models: list[str], seeds: int, runs: Runs
) -> dict[str, list[dict[str, Any]]]:
    """All models with all seeds; the ranker alone is called by its name."""
    names = [RANKER, *models]
    for seed in range(seeds):
        left = [name for name in names if (seed, name) not in runs.found]
        if not left:
            continue
        ranker = train(study, RANKER, seed)
        ranker_scores = study.scores(ranker)
        for name in left:
            started = time.perf_counter()
            model = ranker if name == RANKER else train(study, name, seed, ranker)
            result = measure(study, model, ranker_scores)
            seconds = time.perf_counter() - started
            runs.add(seed, name, {"seconds": seconds, **result})
    return {n: [runs.found[seed, n] for seed in range(seeds)] for n in names}


def cells(name: str, runs: list[dict[str, Any]]) -> list[str]:
    """One line of the table: mean and deviation over seeds."""
    shown = [name]
    for metric in METRICS:
        values = [found[metric] for found in runs]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        shown.append(f"{statistics.mean(values):.4f} ± {spread:.4f}")
    return shown


def page(found: dict[str, list[dict[str, Any]]], about: Mapping[str, Any]) -> str:
    """The page under docs/results/."""
    titles = ["first stage", *TITLES.values()]
    curve = found[about["curve_of"]][0]["report"]["curve"]
    return "\n".join(
        [
            f"# First stages of a cascade: {about['data']}",
            "",
            f"Written by `benchmarks/cascade_results.py` on {about['machine']}. Split "
            f"by global time; {about['requests']:,} requests of the test part with a "
            f"liked item, all {about['items']:,} items of the catalogue as candidates; "
            f"{about['seeds']} seeds, mean ± standard deviation; at most "
            f"{about['epochs']} epochs, width 8, no search of settings. The ranker is "
            f"{RANKER}, trained anew with each seed; its own line is the cascade "
            "without a first stage.",
            "",
            f"| {' | '.join(titles)} |",
            "|---" * len(titles) + "|",
            *(f"| {' | '.join(cells(n, runs))} |" for n, runs in found.items()),
            "",
            f"The cascade as the cut moves, {about['curve_of']}, first seed:",
            "",
            f"| cut | recall of the ranker's top {K} | recall of liked | NDCG@{K} |",
            "|---:|---:|---:|---:|",
            *(
                f"| {p['cut']:,} | {p['ranker_recall']:.4f} | "
                f"{p['clicked_recall']:.4f} | {p['ndcg']:.4f} |"
                for p in curve
            ),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="movielens_100k")
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--quick", action="store_true", help="synthetic, one seed")
    parser.add_argument("--runs", type=Path, help="a line for each run that ended")
    parser.add_argument("--json", type=Path, help="also write the raw runs here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    options = parser.parse_args()
    if options.quick:
        options.data, options.seeds, options.epochs = "synthetic", 1, 1
        options.models, options.requests = ["TwoTower", "VectorProduct+teacher"], 50
    study = Study(load_dataset(options.data), options.requests, options.epochs)
    found = run(study, options.models, options.seeds, Runs(options.runs))
    about = {
        "data": options.data,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"{platform.platform()}",
        "requests": len(study.likes),
        "items": study.likes.shape[1],
        "seeds": options.seeds,
        "epochs": options.epochs,
        "curve_of": options.models[-1],
    }
    shown = Table("first stage", *TITLES.values())
    for name, runs in found.items():
        shown.add_row(*cells(name, runs))
    Console().print(shown)
    if options.json:
        options.json.write_text(json.dumps({**about, "models": found}, indent=1))
    if options.page:
        options.page.write_text(page(found, about))


if __name__ == "__main__":
    main()
