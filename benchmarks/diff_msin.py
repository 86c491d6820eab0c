"""Measures Diff-MSIN with vectors of films, or of the texts of products.

Beside it stand its ablations, one of which has the id alone, plainer ways to fuse the
same modalities, and DIN. All train in one run on the same examples. A tenth of the
items is held back: nothing is trained on them, nor are they in the histories of
training. AUC is that of the test part, on the other items and on those. `T` is the
number of steps of the synergy. With `--runs` each run is written down as it ends, and
not run again.

    python benchmarks/diff_msin.py --runs build/diff_msin.jsonl \
        --json build/diff_msin.json --page docs/results/diff_msin.md
    python benchmarks/diff_msin.py --data complete_journey \
        --runs build/products.jsonl --page docs/results/diff_msin_complete_journey.md
    python benchmarks/diff_msin.py --quick
    python benchmarks/diff_msin.py --vectors build/vectors

MovieLens-100k has vectors of plots and posters; Complete Journey those of the products'
texts, and their means over each type of product. They are in `../shared/data`, which
only benchmarks and tests have.
"""

import argparse
import dataclasses
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
from tfctr.data import (
    Dataset,
    complete_journey,
    movielens_100k,
    vectors_by_row,
    write_vectors,
)
from tfctr.metrics import auc
from tfctr.training import TrainingConfig, make_model

VECTORS = Path("../shared/data/ml100k_modal")
TEXTS = Path("../shared/data/complete_journey_text")
HOUSEHOLDS = 25
FILES = {
    "plot": ("plot_minilm.npz", "ml1m_movie_id"),
    "poster": ("poster_efficientnet.npz", "poster_movie_id"),
}
SEEDS, EPOCHS, BATCH, RATE, DIM = 5, 6, 512, 2e-3, 16
# One item of so many is held back.
HELD_BACK = 10
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "DIN": ("DIN", {"normalization": "softmax"}),
    "Diff-MSIN, id alone": ("DiffMSIN", {"modalities": []}),
    "Diff-MSIN": ("DiffMSIN", {}),
    "Diff-MSIN, no decoupling": ("DiffMSIN", {"decoupling_weight": 0.0}),
    "Diff-MSIN, no synergy": ("DiffMSIN", {"synergy": False}),
    "Diff-MSIN, no adaptive fusion": ("DiffMSIN", {"fusion": False}),
    "concatenation": ("ModalBaseline", {}),
    "DIN with vectors": ("ModalBaseline", {"joint_attention": True}),
    "late fusion": ("ModalBaseline", {"fusion": "late"}),
    "gated fusion": ("ModalBaseline", {"fusion": "gated"}),
    "modal experts": ("ModalBaseline", {"fusion": "experts"}),
    "Diff-MSIN, T = 1": ("DiffMSIN", {"num_steps": 1}),
    "Diff-MSIN, T = 12": ("DiffMSIN", {"num_steps": 12}),
}


ABOUT = {
    "movielens_100k": "Vectors: plots (MiniLM, 384) and posters (EfficientNet-Lite0, "
    "1,280) by film",
    "complete_journey": f"{HOUSEHOLDS} households. Vectors: the texts of products "
    "(MiniLM, 384), and their means over each type of product",
}


def stored() -> dict[str, tuple[list[str], np.ndarray]]:
    """Ids of films and their vectors, of plots and of posters."""
    _check(VECTORS)
    names = pd.read_csv(VECTORS / "id_map.csv")
    found = {}
    for name, (file, column) in FILES.items():
        ids, vectors = (np.load(VECTORS / file)[key] for key in ("ids", "emb"))
        row_of = {int(one): row for row, one in enumerate(ids)}
        known = names[names[column].isin(row_of)]
        rows = [row_of[int(one)] for one in known[column]]
        found[name] = known["ml100k_item_id"].astype(str).tolist(), vectors[rows]
    return found


def products(items: pd.DataFrame) -> dict[str, tuple[list[str], np.ndarray]]:
    """Ids of products and the vectors of their texts, and the means of their types."""
    _check(TEXTS)
    texts = pd.read_parquet(TEXTS / "product_text_id.parquet")
    texts["product_id"] = texts["product_id"].astype(str)
    known = items.merge(texts, on="product_id")
    with np.load(TEXTS / "minilm_unique_text.npz") as file:
        ids, vectors = file["ids"], file["emb"].astype("float32")
    row_of = pd.Series(np.arange(len(ids)), ids)
    text = vectors[row_of[known["text_id"]].to_numpy()]
    kind = pd.factorize(known["product_type"])[0]
    means = np.zeros((kind.max() + 1, text.shape[1]), "float32")
    np.add.at(means, kind, text)
    means /= np.bincount(kind)[:, None]
    names = known["product_id"].tolist()
    return {"text": (names, text), "type": (names, means[kind])}


def _check(folder: Path) -> None:
    if not folder.is_dir():
        sys.exit(f"{folder} is missing: the vectors are not part of tfctr.")


def tables(data: Dataset) -> dict[str, np.ndarray]:
    """Vectors of each modality in the order of the items' vocabulary."""
    found = stored() if data.name == "movielens_100k" else products(data.items)
    return {name: vectors_by_row(data.state, *pair) for name, pair in found.items()}


def held_back(data: Dataset) -> set[str]:
    """Items of which nothing is trained: the same ones in every run."""
    films = sorted(data.train[str(data.schema.item_id)].unique())
    size = len(films) // HELD_BACK
    return set(np.random.default_rng(0).choice(films, size, replace=False).tolist())


def without(data: Dataset, films: set[str]) -> Dataset:
    """The data whose training and validation know nothing of some items."""
    item = str(data.schema.item_id)
    (history,) = data.schema.sequences
    marker = f"{history.name}_{item}"

    def cut(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame[~frame[item].isin(films)].reset_index(drop=True)
        keep = [[film not in films for film in row] for row in frame[marker]]
        for name in [n for n in frame if n.startswith(f"{history.name}_")]:
            frame[name] = [
                [value for value, is_kept in zip(row, kept, strict=True) if is_kept]
                for row, kept in zip(frame[name], keep, strict=True)
            ]
        return frame

    return dataclasses.replace(
        data, train=cut(data.train), validation=cut(data.validation)
    )


def made(
    form: str,
    data: Dataset,
    vectors: dict[str, np.ndarray],
    seed: int,
    rate: float = RATE,
    more: dict[str, Any] | None = None,
) -> Any:
    """A compiled model with its vectors; `more` goes over the form's arguments."""
    name, arguments = FORMS[form]
    arguments = {**arguments, **(more or {})}
    if name != "DIN":
        widths = {key: table.shape[1] for key, table in vectors.items()}
        arguments = {"tables": widths, **arguments}
    config = TrainingConfig(
        model=name,
        arguments={"dim": DIM, "dropout": 0.3, **arguments},
        learning_rate=rate,
        seed=seed,
    )
    model = make_model(config, data.schema)
    if isinstance(model, models.ModalRanker):
        model.build()
        for key in model.vector_tables:
            model.load_vectors(key, vectors[key])
    return model


def run(
    form: str,
    data: Dataset,
    vectors: dict[str, np.ndarray],
    films: set[str],
    seed: int,
    epochs: int,
    rate: float = RATE,
    more: dict[str, Any] | None = None,
) -> dict[str, float]:
    """Trains once with early stopping; AUC on test, of items held back too; times."""
    keras.backend.clear_session()  # or the graphs of all runs stay
    model = made(form, data, vectors, seed, rate, more)
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
    known = model.predict(valid, verbose=0)[label]
    model.predict(test, verbose=0)
    started = time.perf_counter()
    logits = model.predict(test, verbose=0)[label]
    inference = time.perf_counter() - started
    frame = data.frame("test")
    clicks = frame[label].to_numpy()
    cold = frame[str(data.schema.item_id)].isin(films).to_numpy()
    return {
        "validation_auc": auc(data.frame("validation")[label].to_numpy(), known),
        "auc": auc(clicks[~cold], logits[~cold]),
        "cold_auc": auc(clicks[cold], logits[cold]),
        "cold_examples": int(cold.sum()),
        "epochs": len(ends),
        "parameters": int(sum(np.size(w) for w in model.trainable_weights)),
        # Of later epochs: the first one also makes the graph. Validation included.
        "examples_per_second": len(data.train) * (len(ends) - 1) / (ends[-1] - ends[0]),
        "inference_us": inference * 1e6 / len(logits),
    }


def read_runs(path: Path | None) -> dict[tuple[str, int], dict[str, float]]:
    """Runs that a file has, by form and seed."""
    lines = path.read_text().splitlines() if path and path.exists() else []
    return {(r["form"], r["seed"]): r["result"] for r in map(json.loads, lines)}


def study(
    data: Dataset, forms: list[str], seeds: int, epochs: int, path: Path | None
) -> dict[str, list[dict[str, float]]]:
    """Runs of each form, seed by seed; those that the file has are taken from it."""
    vectors, films, console = tables(data), held_back(data), Console(stderr=True)
    data, known = without(data, films), read_runs(path)
    found: dict[str, list[dict[str, float]]] = {form: [] for form in forms}
    for seed in range(seeds):
        for form in forms:  # side by side, so that a busy minute meets them all
            result = known.get((form, seed))
            if result is None:
                result = run(form, data, vectors, films, seed, epochs)
                if path:
                    line = {"form": form, "seed": seed, "result": result}
                    with path.open("a") as file:
                        file.write(json.dumps(line) + "\n")
            found[form].append(result)
            console.print(form, seed, f"{result['auc']:.4f} {result['cold_auc']:.4f}")
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


HEADER = [
    "model",
    "AUC",
    "AUC, held back",
    "trained weights",
    "train ex/s",
    "µs/row",
]


def page(found: dict[str, list[dict[str, float]]], data: Dataset) -> str:
    """The table as a page."""
    first = next(iter(found.values()))
    about = ABOUT.get(data.name, "")
    lines = [
        f"# Diff-MSIN: {data.name}",
        "",
        f"Written by `python benchmarks/diff_msin.py --data {data.name}` on "
        f"{platform.machine()}, "
        f"{os.cpu_count()} cores, {platform.platform()}. {len(first)} seeds: median, "
        "and the range. "
        f"Width {DIM}, learning rate {RATE}, batches of {BATCH}, at most {EPOCHS} "
        f"epochs with early stopping; nothing was searched. {about}, not trained. One "
        f"item in {HELD_BACK} is held back from training, as candidate and in "
        "histories; "
        f"{int(first[0]['cold_examples']):,} of {len(data.test):,} test examples are "
        "of those, the column AUC is of the others. The machine was shared: times are "
        "for comparison in this table alone.",
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
    parser.add_argument("--data", default="movielens_100k", choices=ABOUT)
    parser.add_argument("--forms", nargs="+", default=list(FORMS), choices=FORMS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--runs", type=Path, help="keep runs here, and go on from it")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--page", type=Path, help="write the page here")
    parser.add_argument("--quick", action="store_true", help="two forms, one seed")
    parser.add_argument("--vectors", type=Path, help="write the vectors here, alone")
    options = parser.parse_args()
    if options.quick and not VECTORS.exists():
        print(f"{VECTORS} is missing: nothing is measured.")  # and `make bench` goes on
        return
    if options.vectors:
        for name, pair in stored().items():
            write_vectors(options.vectors / name, *pair)
        return
    forms, seeds, epochs = options.forms, options.seeds, EPOCHS
    if options.quick:
        forms, seeds, epochs = list(FORMS)[1:3], 1, 2
    if options.data == "movielens_100k":
        data = movielens_100k()
    else:
        data = complete_journey(max_households=HOUSEHOLDS)
    found = study(data, forms, seeds, epochs, options.runs)
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
