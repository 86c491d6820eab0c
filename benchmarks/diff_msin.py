"""Measures Diff-MSIN on MovieLens-100k with vectors of plots and posters.

Beside it stand its ablations, one of which has the id alone, and DIN. All train in one
run on the same examples; AUC is that of the test part, overall and on films that the
train part hardly knows. `T` is the number of steps of the synergy.

    python benchmarks/diff_msin.py --json build/diff_msin.json \
        --page docs/results/diff_msin.md
    python benchmarks/diff_msin.py --quick
    python benchmarks/diff_msin.py --vectors build/vectors

The vectors are in `../shared/data/ml100k_modal`, which only benchmarks and tests have.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from tfctr import models
from tfctr.data import Dataset, movielens_100k, vectors_by_row, write_vectors
from tfctr.metrics import auc
from tfctr.training import TrainingConfig, make_model

VECTORS = Path("../shared/data/ml100k_modal")
FILES = {
    "plot": ("plot_minilm.npz", "ml1m_movie_id"),
    "poster": ("poster_efficientnet.npz", "poster_movie_id"),
}
SEEDS, EPOCHS, BATCH, RATE, DIM = 3, 6, 512, 2e-3, 16
# A film is cold that the train part has fewer events of.
COLD_EVENTS = 20
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "DIN": ("DIN", {"normalization": "softmax"}),
    "Diff-MSIN, id alone": ("DiffMSIN", {"modalities": []}),
    "Diff-MSIN": ("DiffMSIN", {}),
    "Diff-MSIN, no decoupling": ("DiffMSIN", {"decoupling_weight": 0.0}),
    "Diff-MSIN, no synergy": ("DiffMSIN", {"synergy": False}),
    "Diff-MSIN, no adaptive fusion": ("DiffMSIN", {"fusion": False}),
    "Diff-MSIN, T = 1": ("DiffMSIN", {"num_steps": 1}),
    "Diff-MSIN, T = 12": ("DiffMSIN", {"num_steps": 12}),
}


def stored() -> dict[str, tuple[list[str], np.ndarray]]:
    """Ids of films and their vectors, of plots and of posters."""
    if not VECTORS.is_dir():
        sys.exit(f"{VECTORS} is missing: the vectors are not part of tfctr.")
    names = pd.read_csv(VECTORS / "id_map.csv")
    found = {}
    for name, (file, column) in FILES.items():
        ids, vectors = (np.load(VECTORS / file)[key] for key in ("ids", "emb"))
        row_of = {int(one): row for row, one in enumerate(ids)}
        known = names[names[column].isin(row_of)]
        rows = [row_of[int(one)] for one in known[column]]
        found[name] = known["ml100k_item_id"].astype(str).tolist(), vectors[rows]
    return found


def tables(data: Dataset) -> dict[str, np.ndarray]:
    """Vectors of plots and posters in the order of the films' vocabulary."""
    return {name: vectors_by_row(data.state, *pair) for name, pair in stored().items()}


def made(form: str, data: Dataset, vectors: dict[str, np.ndarray], seed: int) -> Any:
    """A compiled model with its vectors."""
    name, arguments = FORMS[form]
    if name == "DiffMSIN":
        widths = {key: table.shape[1] for key, table in vectors.items()}
        arguments = {"tables": widths, **arguments}
    config = TrainingConfig(
        model=name,
        arguments={"dim": DIM, "dropout": 0.3, **arguments},
        learning_rate=RATE,
        seed=seed,
    )
    model = make_model(config, data.schema)
    if isinstance(model, models.DiffMSIN):
        model.build()
        for key in model.vector_tables:
            model.load_vectors(key, vectors[key])
    return model


def run(
    form: str, data: Dataset, vectors: dict[str, np.ndarray], seed: int, epochs: int
) -> dict[str, float]:
    """Trains once with early stopping; AUC on test, times."""
    model = made(form, data, vectors, seed)
    label = model.label_names[0]
    batches = data.to_dataset("train", BATCH, seed=seed)
    valid, test = (data.to_dataset(part, 4096) for part in ("validation", "test"))
    ends: list[float] = []
    stop = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
    clock = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: ends.append(time.perf_counter())
    )
    model.fit(
        batches,
        validation_data=valid,
        epochs=epochs,
        callbacks=[clock, stop],
        verbose=0,
    )
    model.predict(test, verbose=0)
    started = time.perf_counter()
    logits = model.predict(test, verbose=0)[label]
    inference = time.perf_counter() - started
    frame = data.frame("test")
    clicks = frame[label].to_numpy()
    item = str(data.schema.item_id)
    counts = data.train[item].value_counts()
    cold = (frame[item].map(counts).fillna(0) < COLD_EVENTS).to_numpy()
    return {
        "auc": auc(clicks, logits),
        "cold_auc": auc(clicks[cold], logits[cold]),
        "cold_examples": int(cold.sum()),
        "epochs": len(ends),
        "parameters": int(sum(np.size(w) for w in model.trainable_weights)),
        # Of later epochs: the first one also makes the graph. Validation included.
        "examples_per_second": len(data.train) * (len(ends) - 1) / (ends[-1] - ends[0]),
        "inference_us": inference * 1e6 / len(logits),
    }


def study(
    data: Dataset, forms: list[str], seeds: int, epochs: int
) -> dict[str, list[dict[str, float]]]:
    """Runs of each form, seed by seed."""
    vectors, console = tables(data), Console(stderr=True)
    found: dict[str, list[dict[str, float]]] = {form: [] for form in forms}
    for seed in range(seeds):
        for form in forms:  # side by side, so that a busy minute meets them all
            found[form].append(run(form, data, vectors, seed, epochs))
            console.print(form, seed, f"{found[form][-1]['auc']:.4f}")
    return found


def spread(runs: list[dict[str, float]], name: str, digits: int) -> str:
    """Median, and the range of all seeds."""
    values = [one[name] for one in runs]
    texts = [f"{v:,.{digits}f}" for v in (min(values), max(values))]
    return f"{statistics.median(values):,.{digits}f} ({texts[0]} to {texts[1]})"


def rows(found: dict[str, list[dict[str, float]]]) -> list[list[str]]:
    """A row a form."""
    return [
        [
            form,
            spread(runs, "auc", 4),
            spread(runs, "cold_auc", 4),
            f"{runs[0]['parameters']:,}",
            spread(runs, "examples_per_second", 0),
            spread(runs, "inference_us", 1),
        ]
        for form, runs in found.items()
    ]


HEADER = ["model", "AUC", "AUC, cold films", "trained weights", "train ex/s", "µs/row"]


def page(found: dict[str, list[dict[str, float]]], data: Dataset) -> str:
    """The table as a page."""
    first = next(iter(found.values()))
    lines = [
        "# Diff-MSIN on MovieLens-100k",
        "",
        f"Written by `python benchmarks/diff_msin.py` on {platform.machine()}, "
        f"{os.cpu_count()} cores, {platform.platform()}. {len(data.train):,} training, "
        f"{len(data.test):,} test examples; {len(first)} seeds: median, and the range. "
        f"Width {DIM}, learning rate {RATE}, batches of {BATCH}, at most {EPOCHS} "
        "epochs with early stopping; nothing was searched. Vectors: plots (MiniLM, "
        "384) and posters (EfficientNet-Lite0, 1,280) by film, not trained. Cold films "
        f"have fewer than {COLD_EVENTS} events in the train part: "
        f"{int(first[0]['cold_examples']):,} test examples.",
        "",
        "| " + " | ".join(HEADER) + " |",
        "|" + "---|" * len(HEADER),
        *("| " + " | ".join(row) + " |" for row in rows(found)),
        "",
        data.note,
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--forms", nargs="+", default=list(FORMS), choices=FORMS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--page", type=Path, help="write the page here")
    parser.add_argument("--quick", action="store_true", help="two forms, one seed")
    parser.add_argument("--vectors", type=Path, help="write the vectors here, alone")
    options = parser.parse_args()
    if options.vectors:
        for name, pair in stored().items():
            write_vectors(options.vectors / name, *pair)
        return
    forms, seeds, epochs = options.forms, options.seeds, EPOCHS
    if options.quick:
        forms, seeds, epochs = list(FORMS)[1:3], 1, 2
    data = movielens_100k()
    found = study(data, forms, seeds, epochs)
    table = Table(*HEADER)
    for row in rows(found):
        table.add_row(*row)
    Console().print(table)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.page:
        options.page.write_text(page(found, data), encoding="utf-8")


if __name__ == "__main__":
    main()
