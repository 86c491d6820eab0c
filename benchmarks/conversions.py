"""Several labels of an impression: models of all tasks against single ones.

    python benchmarks/conversions.py --json build/conversions.json
    python benchmarks/conversions.py --page docs/results/kuairand.md
    python benchmarks/conversions.py --runs build/kuairand.jsonl
    python benchmarks/conversions.py --data campaigns --page docs/results/campaigns.md
    python benchmarks/conversions.py --data promotions --page docs/results/promotions.md
    python benchmarks/conversions.py --quick

Each form has one search on the validation part, two learning rates, and then the same
seeds on the test part. `DHEN, one task` is a model for each label alone. Metrics are
those of the test part, by label. KuaiRand is in `../shared/data/kuairand_small`, which
only benchmarks and tests have; campaigns and promotions are those of Complete Journey.
"""

import argparse
import dataclasses
import functools
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from tfctr.calibration import calibrate
from tfctr.data import (
    BehaviourSpec,
    Dataset,
    LabelRule,
    build_examples,
    complete_journey_campaigns,
    complete_journey_promotions,
)
from tfctr.evaluation import evaluate
from tfctr.features import (
    Categorical,
    FeatureSchema,
    Label,
    Sequence,
    Timestamp,
    Vocabulary,
)
from tfctr.training import TrainingConfig, train

FOLDER = Path("../shared/data/kuairand_small")
TASKS = {
    "click": "is_click",
    "long_view": "long_view",
    "profile": "is_profile_enter",
    "comment": "is_comment",
    "forward": "is_forward",
}
LEARNING_RATES = (1e-3, 3e-3)
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "SharedBottom": ("SharedBottom", {}),
    "MMoE": ("MMoE", {}),
    "PLE": ("PLE", {}),
    "DHEN": ("DHEN", {}),
    "DHEN, balanced": ("DHEN", {}),
    "DHEN, sequences": ("DHEN", {"sequences": {}}),
    "DHEN, next action": ("DHEN", {"sequences": {"next_action_weight": 0.1}}),
    "DHEN, one task": ("DHEN", {}),
}
ESMM = {"ESMM": ("ESMM", {})}
# Histories that a form does without: the label may depend on each.
NO_HISTORY = {"DHEN, no history": ("DHEN", {})}
HISTORIES = {
    "DHEN, purchases only": ("DHEN", {"sequences": {}}),
    "DHEN, redemptions only": ("DHEN", {"sequences": {}}),
    **NO_HISTORY,
}
# Of the promotions.
HOUSEHOLDS = 50
METRICS = ("auc", "normalized_entropy", "calibration_ratio", "calibrated_entropy")


@dataclasses.dataclass(frozen=True)
class Study:
    """A data set with several labels, and the forms that are compared on it.

    Attributes:
        title: Heading of the page.
        tasks: The labels.
        make: From some of the labels and a form to the data set.
        forms: Model and arguments of each form.
        note: What is special about the data.
    """

    title: str
    tasks: tuple[str, ...]
    make: Callable[[tuple[str, ...], str], Dataset]
    forms: dict[str, tuple[str, dict[str, Any]]]
    note: str


def journey(name: str, tasks: tuple[str, ...], form: str) -> Dataset:
    """Data of Complete Journey with some of the labels, for a form's histories."""
    data = _made(name)
    kept = [s for s in data.schema.sequences if f"{s.name} only" in form]
    if "no history" not in form and not kept:
        kept = list(data.schema.sequences)
    labels = [label for label in data.schema.labels if label.name in tasks]
    schema = dataclasses.replace(
        data.schema,
        labels=tuple(labels),
        sequences=tuple(kept),
        vocabularies=(),  # those of the rest alone, learnt again
        sizes={},
    )
    state = schema.fit(data.train)
    return dataclasses.replace(data, schema=state.schema, state=state)


@functools.cache
def _made(name: str) -> Dataset:
    if name == "campaigns":
        return complete_journey_campaigns()
    return complete_journey_promotions(max_households=HOUSEHOLDS)


def kuairand(tasks: tuple[str, ...], form: str) -> Dataset:
    """The log as examples, with the labels of these tasks; the same for every form."""
    del form
    return _kuairand(*tasks)


@functools.cache
def _kuairand(*tasks: str) -> Dataset:
    if not FOLDER.exists():
        sys.exit(f"{FOLDER} is missing: this benchmark runs beside ../shared.")
    events = pd.read_csv(FOLDER / "processed_standard_kcore_15.tsv", sep="\t")
    events["time"] = events["time_ms"] // 1000
    events["hour"] = (events["hourmin"] // 100).astype(str)
    events["seen"] = np.where(events["long_view"] > 0, "long", "short")
    users = pd.read_csv(FOLDER / "user_features_pure.csv")
    users = users[users["user_id"].isin(events["user_id"])]
    ranges = ["follow_user_num_range", "fans_user_num_range", "register_days_range"]
    user_features = ["user_active_degree", *ranges]
    schema = FeatureSchema(
        user=(
            Categorical("user_id", dtype="int64"),
            *(Categorical(name) for name in user_features),
        ),
        item=(Categorical("video_id", dtype="int64"),),
        context=(Timestamp("time", time_zone="Asia/Shanghai"), Categorical("hour")),
        sequences=(
            Sequence(
                "history",
                (Categorical("video_id", dtype="int64"), Categorical("seen")),
                timestamp=Timestamp("time"),
                action="seen",
                max_length=50,
            ),
        ),
        labels=tuple(Label(name) for name in tasks),
        user_id="user_id",
        item_id="video_id",
        timestamp="time",
        vocabularies=(Vocabulary("seen", values=("long", "short")),),
    )
    spec = BehaviourSpec(
        user_key="user_id",
        item_key="video_id",
        time_key="time",
        labels={name: LabelRule(TASKS[name]) for name in tasks},
    )
    parts = build_examples(events, users, None, schema, spec)
    state = schema.fit(parts["train"])
    return Dataset(
        name="kuairand_small",
        schema=state.schema,
        state=state,
        **parts,
        events=events,
        users=users,
        items=events[["video_id"]].drop_duplicates(),
        spec=spec,
    )


STUDIES = {
    "kuairand": Study(
        "Results: several labels on KuaiRand",
        tuple(TASKS),
        kuairand,
        FORMS,
        "KuaiRand (Gao et al., CIKM 2022), CC BY-SA 4.0; this excerpt was selected on "
        "likes and hates, so its rates are not natural, and most videos have no "
        "features but their id.",
    ),
    "campaigns": Study(
        "Results: campaigns of Complete Journey",
        ("purchase", "redemption"),
        functools.partial(journey, "campaigns"),
        {**FORMS, **ESMM, **HISTORIES},
        "",
    ),
    "promotions": Study(
        f"Results: promotions of Complete Journey, {HOUSEHOLDS} households",
        ("category_purchase", "purchase"),
        functools.partial(journey, "promotions"),
        {**FORMS, **ESMM, **NO_HISTORY},
        "",
    ),
}


def run(
    study: Study, form: str, rate: float, seed: int, part: str, epochs: int
) -> dict[str, Any]:
    """Trains a form once: metrics by task, validation loss, parameters, seconds."""
    tasks = study.tasks
    groups = [(task,) for task in tasks] if "one task" in form else [tasks]
    name, arguments = study.forms[form]
    found: dict[str, Any] = {"loss": 0.0, "parameters": 0, "seconds": 0.0, "tasks": {}}
    for tasks in groups:
        data = study.make(tasks, form)
        config = TrainingConfig(
            model=name,
            arguments={"dim": 8, "dropout": 0.2, **arguments},
            epochs=epochs,
            batch_size=512,
            learning_rate=rate,
            seed=seed,
            balance="uncertainty" if "balanced" in form else "fixed",
        )
        validation = data.to_dataset("validation", 4096)
        started = time.perf_counter()
        model = train(
            config,
            data.schema,
            data.to_dataset("train", 512, seed=seed),
            validation,
            verbose=0,
        )
        found["seconds"] += time.perf_counter() - started
        found["loss"] += min(model.history.history["val_loss"])
        found["parameters"] += model.count_params()
        examples = data.to_dataset(part, 4096)
        calibrated = calibrate(model, validation, method="platt")
        plain, bent = (evaluate(m, examples).labels for m in (model, calibrated))
        for task in tasks:
            row = plain[task].overall.to_dict()
            row["calibrated_entropy"] = bent[task].overall.normalized_entropy
            found["tasks"][task] = {metric: row[metric] for metric in METRICS}
    return found


def results(
    study: Study, forms: list[str], seeds: int, epochs: int, path: Path | None
) -> dict[str, list[dict[str, Any]]]:
    """For each form its runs on the test part, at the better learning rate."""
    lines = path.read_text().splitlines() if path and path.exists() else []
    known = {json.dumps(r["run"]): r["result"] for r in map(json.loads, lines)}

    def kept(form: str, rate: float, seed: int, part: str) -> dict[str, Any]:
        key = json.dumps([form, rate, seed, part, epochs])
        if key not in known:
            known[key] = run(study, form, rate, seed, part, epochs)
            if path:
                with path.open("a") as file:
                    line = {"run": json.loads(key), "result": known[key]}
                    file.write(json.dumps(line) + "\n")
        return known[key]

    found = {}
    for form in forms:
        searched = {r: kept(form, r, 100, "validation") for r in LEARNING_RATES}
        best = min(searched, key=lambda rate: searched[rate]["loss"])
        found[form] = [kept(form, best, seed, "test") for seed in range(seeds)]
        aucs = [
            round(r["tasks"][t]["auc"], 4) for r in found[form] for t in study.tasks
        ]
        Console().print(form, best, aucs)
    return found


def cell(values: list[float]) -> str:
    """Median, and the range of all seeds."""
    return f"{statistics.median(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def tables(
    tasks: tuple[str, ...], found: dict[str, list[dict[str, Any]]]
) -> dict[str, list[list[str]]]:
    """For each metric a row of every form, a column of every task."""
    return {
        metric: [
            [form, *(cell([r["tasks"][t][metric] for r in runs]) for t in tasks)]
            for form, runs in found.items()
        ]
        for metric in METRICS
    }


def markdown(name: str, study: Study, found: dict[str, Any], remarks: list[str]) -> str:
    """The page under docs/results/."""
    tasks, first = study.tasks, study.make(study.tasks, "")
    shares = ", ".join(f"{t} {first.test[t].mean():.3f}" for t in tasks)
    chosen = "" if name == "kuairand" else f" --data {name}"
    parts = [
        f"# {study.title}",
        f"Written by `python benchmarks/conversions.py{chosen}` on "
        f"{platform.machine()}, "
        f"{os.cpu_count()} cores, {platform.platform()}, a machine that others used "
        f"too. {len(first.train):,} training, {len(first.test):,} test examples by "
        f"time; shares of the labels in the test part: {shares}. Two learning rates a "
        f"form on the validation part, then {len(next(iter(found.values())))} seeds: "
        "median (range).",
        "`calibrated_entropy` is the normalized entropy after Platt calibration on the "
        "validation part. `calibration_ratio` is predicted by observed.",
    ]
    for metric, rows in tables(tasks, found).items():
        head = [f"| {metric} | {' | '.join(tasks)} |", "|---" * (len(tasks) + 1) + "|"]
        parts.append("\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)]))
    costs = [
        f"| {form} | {runs[0]['parameters']:,} | "
        f"{statistics.median(r['seconds'] for r in runs):.0f} |"
        for form, runs in found.items()
    ]
    parts.append(
        "\n".join(["| form | parameters | seconds |", "|---|---|---|", *costs])
    )
    note = study.note or first.note
    return "\n\n".join([*parts, *remarks, note]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=STUDIES, default="kuairand")
    parser.add_argument("--forms", nargs="+", choices=[*FORMS, *ESMM, *HISTORIES])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two forms, one epoch")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    parser.add_argument("--runs", type=Path, help="keeps runs here, and goes on")
    parser.add_argument("--remark", action="append", default=[], help="for the page")
    options = parser.parse_args()
    if options.quick and options.data == "kuairand" and not FOLDER.exists():
        print(f"{FOLDER} is missing: nothing is measured.")  # and `make bench` goes on
        return
    study = STUDIES[options.data]
    forms, seeds, epochs = options.forms or list(study.forms), options.seeds, 20
    if options.quick:
        forms, seeds, epochs = ["SharedBottom", "DHEN"], 1, 1
    found = results(study, forms, seeds, epochs, options.runs)
    for metric, rows in tables(study.tasks, found).items():
        shown = Table(metric, *study.tasks)
        for row in rows:
            shown.add_row(*row)
        Console().print(shown)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    if options.page:
        page = markdown(options.data, study, found, options.remark)
        options.page.write_text(page)


if __name__ == "__main__":
    main()
