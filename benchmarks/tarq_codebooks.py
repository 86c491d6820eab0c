"""Shows what TARQ recovers of target attention, and how it uses its codes.

Planted data: a click depends on what the user did with the one past event of the
candidate's category, among many categories. Two towers would have to carry all
categories in one vector; target attention looks up the one that matters.

    python benchmarks/tarq_codebooks.py --json build/tarq_codebooks.json \
        --page docs/results/tarq_codebooks.md
    python benchmarks/tarq_codebooks.py --quick
"""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from tfctr import metrics
from tfctr.features import Categorical, FeatureSchema, Label
from tfctr.features import Sequence as History
from tfctr.models import TARQ, TwoTower
from tfctr.models.request_form import split_roles

CATEGORIES, ITEMS_EACH, EVENTS, CANDIDATES = 40, 10, 20, 8
REQUESTS, TEST_REQUESTS, EPOCHS, SEEDS = 4_000, 1_500, 6, 3
RIGHT = 0.9  # chance of a click on what was liked, and of none on what was not
ITEM = {
    "item_id": np.arange(1, CATEGORIES * ITEMS_EACH + 1, dtype="int32"),
    "category": (np.arange(CATEGORIES * ITEMS_EACH) // ITEMS_EACH + 1).astype("int32"),
}
# Each form with its arguments. The last three show what keeps codes in use.
FORMS: dict[str, dict[str, Any]] = {
    "TARQ": {},
    "TARQ, alignment 0.1": {"settings": {"alignment_weight": 0.1}},
    "TARQ, no alignment": {"variant": "wo-alignment"},
    "TARQ, no distillation": {"variant": "wo-distillation"},
    "TARQ, one level": {"variant": "wo-residual"},
    "TARQ, random start": {"settings": {"start": "normal"}},
    "TARQ, random start, no alignment": {
        "settings": {"start": "normal"},
        "variant": "wo-alignment",
    },
}


def schema() -> FeatureSchema:
    """Users without features, items with a category, events with an action."""
    item = (Categorical("item_id"), Categorical("category"))
    return FeatureSchema(
        user=(Categorical("user_id"),),
        item=item,
        sequences=(
            History(
                "history",
                (*item, Categorical("action")),
                action="action",
                max_length=EVENTS,
            ),
        ),
        labels=(Label("click"),),
        user_id="user_id",
        item_id="item_id",
        sizes={
            "user_id": 2,
            "item_id": CATEGORIES * ITEMS_EACH + 1,
            "category": CATEGORIES + 1,
            "action": 4,
        },
    )


def planted(requests: int, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Encoded requests `(requests, candidates)`, and clicks."""
    rng = np.random.default_rng(seed)
    seen = np.argsort(rng.random((requests, CATEGORIES)), axis=1)[:, :EVENTS]
    liked = rng.random((requests, EVENTS)) < 0.5
    picked = rng.integers(0, EVENTS, (requests, CANDIDATES))
    category = np.take_along_axis(seen, picked, axis=1)
    chance = np.where(np.take_along_axis(liked, picked, axis=1), RIGHT, 1 - RIGHT)

    def items_of(categories: np.ndarray) -> np.ndarray:
        own = rng.integers(0, ITEMS_EACH, categories.shape)
        return categories * ITEMS_EACH + own + 1

    columns = {
        "user_id": np.ones(requests),
        "history_item_id": items_of(seen),
        "history_category": seen + 1,
        "history_action": liked + 1,
        "item_id": items_of(category),
        "category": category + 1,
    }
    clicks = (rng.random(chance.shape) < chance).astype("float32")
    return {n: v.astype("int32") for n, v in columns.items()}, {"click": clicks}


def auc(labels: np.ndarray, logits: Any) -> float:
    """AUC over all candidates."""
    scores = 1 / (1 + np.exp(-np.asarray(logits, "float64")))
    return metrics.auc(labels.ravel(), scores.ravel())


def fitted(model: Any, data: tuple[Any, Any], epochs: int, seed: int) -> Any:
    """The model after training on whole requests."""
    model.compile(optimizer=keras.optimizers.Adam(3e-3), weighted_metrics=[])
    batches = tf.data.Dataset.from_tensor_slices(data)
    batches = batches.shuffle(REQUESTS, seed=seed).batch(64)
    model.fit(batches, epochs=epochs, verbose=0)
    return model


def measured(model: TARQ, x: Mapping[str, Any], clicks: np.ndarray) -> dict[str, Any]:
    """Quality of student, teacher and towers; use of the codes over the catalogue."""
    num_codes = model.made.num_codes
    codes = np.asarray(model.encode_items(ITEM)["codes"])
    outputs = model.objectives(*split_roles(model.schema, x))
    found = {
        "student": auc(clicks, outputs["click"]),
        "towers": auc(clicks, outputs["training/two_tower"]),
        "usage": float(metrics.code_usage(codes, num_codes).mean()),
        "entropy": float(metrics.code_entropy(codes, num_codes).mean()),
    }
    if model.teacher is not None:
        found["teacher"] = auc(clicks, outputs["training/teacher"][..., 0])
        found["error"] = (
            float(np.mean(outputs.get("training/distillation", np.nan))) * 2
        )
    return found


def study(
    requests: int,
    epochs: int,
    seeds: Sequence[int],
    num_codes: int,
    forms: Sequence[str],
) -> list[dict[str, Any]]:
    """What each form reaches, a list over seeds."""
    rows: dict[str, list[dict[str, Any]]] = {}
    declared = schema()
    for seed in seeds:
        data = planted(requests, 10 + seed)
        x, y = planted(TEST_REQUESTS, 1_000 + seed)
        tower = fitted(TwoTower(declared, seed=seed), data, epochs, seed)
        found = {"student": auc(y["click"], tower(x)["click"])}
        rows.setdefault("TwoTower", []).append(found)
        for name in forms:
            arguments = FORMS[name]
            settings = {"num_codes": num_codes, **arguments.get("settings", {})}
            model = TARQ(declared, seed=seed, **{**arguments, "settings": settings})
            model = fitted(model, data, epochs, seed)
            rows.setdefault(name, []).append(measured(model, x, y["click"]))
    return [{"model": name, "runs": runs} for name, runs in rows.items()]


def recovered(run: Mapping[str, float]) -> float:
    """Share of the way from two towers to target attention."""
    return (run["student"] - run["towers"]) / (run["teacher"] - run["towers"])


HEADERS = (
    "model",
    "AUC",
    "AUC of its towers",
    "AUC of its teacher",
    "share of the gap",
    "code use",
    "entropy (nats)",
    "squared error to the teacher",
)
PAGE = """\
# TARQ: what it recovers, and its codes

Printed by `benchmarks/tarq_codebooks.py` on {machine}.

Planted data: {categories} categories of {each} items; a history holds one event of each
of {events} categories, liked or not; a candidate of a category that was liked is
clicked with a chance of {right:.0%}, else of {wrong:.0%}. {requests:,} requests of
{candidates} candidates, {epochs} epochs, {seeds} seeds, L=3 levels of K={codes} codes.
Mean (standard deviation) over the seeds; code use and entropy over the catalogue, mean
of the levels.

{table}
"""


def cells(row: dict[str, Any]) -> list[str]:
    """One line of the table."""
    runs = row["runs"]

    def over(values: list[float], places: int = 3) -> str:
        if len(values) < len(runs) or not np.isfinite(values).all():
            return ""
        spread = f" ({statistics.stdev(values):.{places}f})" if len(values) > 1 else ""
        return f"{statistics.mean(values):.{places}f}{spread}"

    def column(name: str, places: int = 3) -> str:
        return over([run[name] for run in runs if name in run], places)

    shares = [recovered(run) for run in runs if "teacher" in run]
    return [
        row["model"],
        column("student"),
        column("towers"),
        column("teacher"),
        over(shares, 2),
        column("usage", 2),
        column("entropy", 2),
        column("error", 2),
    ]


def page(rows: Sequence[dict[str, Any]], **numbers: int) -> str:
    """The page under docs/results/."""
    lines = [HEADERS, ["---"] * len(HEADERS), *map(cells, rows)]
    return PAGE.format(
        machine=f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"Linux {platform.release()}",
        categories=CATEGORIES,
        each=ITEMS_EACH,
        events=EVENTS,
        candidates=CANDIDATES,
        right=RIGHT,
        wrong=1 - RIGHT,
        seeds=len(rows[0]["runs"]),
        table="\n".join("| " + " | ".join(line) + " |" for line in lines),
        **numbers,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--num-codes", type=int, default=32)
    parser.add_argument("--forms", nargs="*", choices=FORMS, default=list(FORMS))
    parser.add_argument("--quick", action="store_true", help="one seed, few requests")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    requests, epochs = (1_000, 2) if options.quick else (REQUESTS, EPOCHS)
    forms = options.forms[:1] if options.quick else options.forms
    seeds = range(1 if options.quick else options.seeds)
    rows = study(requests, epochs, seeds, options.num_codes, forms)
    table = Table(*HEADERS)
    for row in rows:
        table.add_row(*cells(row))
    Console(width=140).print(table)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(rows, indent=1))
    if options.page:
        text = page(rows, requests=requests, epochs=epochs, codes=options.num_codes)
        options.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
