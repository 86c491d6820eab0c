"""Trains every model of a table under equal conditions and writes the table.

Protocol (docs/results/protocol.md): one schema and one split by time; the same number
of trials for each model on the validation part; then several seeds on the test part.

    python benchmarks/results.py --data movielens_100k --json build/results.json
    python benchmarks/results.py --models DeepFM DeepFM+APG DeepFM+APG-self
    python benchmarks/results.py --models DIN TLSI TLSI:wo-TP TLSI:L-c --baseline DIN
    python benchmarks/results.py --models DHEN DHEN+mlp DHEN+sequences --baseline DHEN
    python benchmarks/results.py --models DIN DIEN DCNv2 DeepFM DFGR --baseline DIN
    python benchmarks/results.py --runs build/runs.jsonl --seconds 300
    python benchmarks/results.py --quick

Models that read events one by one learn from whole users, all others from single
examples; `DFGR:examples` does so too.
A name after a colon is the model's `variant`; `complete_journey@50` has 50 households.
With `--runs` each run is written down as it ends, and what is there already is not run
again; with `--seconds` no run begins after that time, the exit code is 75, and the same
command goes on.
"""

import argparse
import dataclasses
import inspect
import json
import math
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import stats

import tfctr.models
from tfctr.data import Dataset, complete_journey
from tfctr.errors import UnknownName
from tfctr.evaluation import report_from_arrays
from tfctr.features import FeatureSchema
from tfctr.models.sequence_ranker import SequenceRanker
from tfctr.training import TrainingConfig, train
from tfctr.training.runs import load_dataset

METRICS = (
    "auc",
    "gauc",
    "log_loss",
    "normalized_entropy",
    "expected_calibration_error",
)
MODELS = ("LogisticRegression", "DeepFM", "DCNv2", "DIN", "TwoTower")
# `DeepFM+APG` is DeepFM with an adaptive tower; the others are its ablations.
APG_FORMS: dict[str, dict[str, Any]] = {
    "APG": {},
    "APG-v1": {"rank": None},
    "APG-v3": {"version": "v3"},
    "APG-v5": {"over_parameterization": 32},
    "APG-user": {"condition": ["user"]},
    "APG-item": {"condition": ["item"]},
    "APG-self": {"condition": "self"},
    "APG-attention": {"aggregation": "attention"},
    "APG-detached": {"stop_condition_gradient": True},
    "APG-conditional": {"start": "conditional"},
}
# `DHEN+mlp` has only modules of that kind; the others read histories event by event.
DHEN_FORMS: dict[str, dict[str, Any]] = {
    **{kind: {"layers": [[kind], [kind]]} for kind in ("mlp", "transformer", "mask")},
    "sequences": {"sequences": {}},
    "next-action": {"sequences": {"next_action_weight": 0.1}},
}
# Of a batch of whole users: about as many as in a batch of examples.
LABELS_A_BATCH, MAX_EVENTS = 1_000, 256
LEARNING_RATES = (1e-3, 3e-3)
DROPOUTS = (0.0, 0.3)
DIMS = (8, 16)


def trials(model: str, count: int) -> Iterator[dict[str, Any]]:
    """The first `count` settings of the model's grid, in an order fixed by a seed."""
    grid: list[dict[str, Any]] = [
        {"learning_rate": rate, "arguments": {"dim": dim, "dropout": dropout}}
        for rate in LEARNING_RATES
        for dropout in DROPOUTS
        for dim in DIMS
    ]
    if model == "LogisticRegression":  # it has no width and no dropout
        rates = np.geomspace(1e-3, 1e-2, count)
        grid = [{"learning_rate": float(rate), "arguments": {}} for rate in rates]
        yield from grid
        return
    order = np.random.default_rng(0).permutation(len(grid))
    for place in order[:count]:
        yield grid[place]


def form_of(model: str, schema: FeatureSchema) -> tuple[str, dict[str, Any]]:
    """The class and its extra arguments, of `DeepFM+APG-v5`, `TLSI:wo-TP` and alike."""
    name, _, variant = model.partition(":")
    if reads_events(name.partition("+")[0]):
        return name, {"context": False}
    if variant:
        return name, {"variant": variant}
    name, _, form = model.partition("+")
    if not form:
        return name, {}
    known = DHEN_FORMS if name == "DHEN" else APG_FORMS
    if form not in known:
        raise UnknownName("form", form, known)
    if name == "DHEN":
        return name, DHEN_FORMS[form]
    ids = {"user": schema.user_id, "item": schema.item_id}
    settings = {"condition": ["user", "item"], "rank": 8, "start": "static"}
    settings |= APG_FORMS[form]
    if settings["condition"] != "self":
        settings["condition"] = [ids[role] for role in settings["condition"]]
    return name, {"apg": settings}


def config_of(
    model: str, data: Dataset, setting: dict[str, Any], seed: int
) -> TrainingConfig:
    """How a model, or a form of one, is trained under a setting of the grid."""
    name, extra = form_of(model, data.schema)
    arguments = {**setting["arguments"], **extra}
    form: dict[str, Any] = {"batch_size": 512}
    if reads_events(name):
        arguments["embedding_dim"] = arguments.pop("dim")
        if "dropout" not in inspect.signature(tfctr.models.get(name)).parameters:
            arguments["settings"] = {"dropout": arguments.pop("dropout")}
        if not model.endswith(":examples"):
            form = {"form": "user_sequences", "max_events": MAX_EVENTS}
            form["batch_size"] = users_a_batch(data)
    settings = {**form, **setting, "arguments": arguments}
    return TrainingConfig(model=name, epochs=20, seed=seed, **settings)


def users_a_batch(data: Dataset) -> int:
    """Rows of whole users that have about `LABELS_A_BATCH` labels together."""
    rows = len(data.user_sequences("train", max_events=MAX_EVENTS))
    return max(1, round(LABELS_A_BATCH * rows / len(data.train)))


def reads_events(name: str) -> bool:
    """Whether a model takes whole users, with a label at every event."""
    return issubclass(tfctr.models.get(name), SequenceRanker)


def batches_of(data: Dataset, config: TrainingConfig) -> Any:
    """The train part in the form that a model learns from."""
    size, seed = config.batch_size, config.seed
    if config.form == "examples":
        return data.to_dataset("train", size, seed=seed)
    return data.to_sequence_dataset(
        "train",
        size,
        max_events=config.max_events,
        weighting=config.weighting,
        seed=seed,
    )


class OutOfTime(Exception):
    """The time for runs is over, and some are left."""


class Runs:
    """Runs that ended, as JSON lines: what a file has is not run again.

    Args:
        path: The file; `None` keeps nothing.
        seconds: No run begins later than that.
    """

    def __init__(self, path: Path | None = None, seconds: float = math.inf) -> None:
        self.path = path
        self.end = time.monotonic() + seconds
        lines = path.read_text().splitlines() if path and path.exists() else []
        self.found = {self._key(r["run"]): r["result"] for r in map(json.loads, lines)}

    def __call__(
        self, model: str, data: Dataset, setting: dict[str, Any], seed: int, part: str
    ) -> Any:
        """What `run` gives, from the file if it is there."""
        about = {
            "data": data.name,
            "model": model,
            "setting": setting,
            "seed": seed,
            "part": part,
        }
        key = self._key(about)
        if key not in self.found:
            if time.monotonic() > self.end:
                raise OutOfTime
            self.found[key] = run(model, data, setting, seed, part)
            if self.path:
                with self.path.open("a") as file:
                    line = {"run": about, "result": self.found[key]}
                    file.write(json.dumps(line) + "\n")
        return self.found[key]

    @staticmethod
    def _key(about: dict[str, Any]) -> str:
        return json.dumps(about, sort_keys=True)


def run(
    model: str, data: Dataset, setting: dict[str, Any], seed: int, part: str
) -> dict[str, Any]:
    """Trains once; metrics on `part` with sizes and times."""
    config = config_of(model, data, setting, seed)
    started = time.perf_counter()
    trained = train(
        config,
        data.schema,
        batches_of(data, config),
        data.to_dataset("validation", 4096),
        verbose=0,
    )
    seconds = time.perf_counter() - started
    batches = data.to_dataset(part, 1024)
    trained.predict(batches, verbose=0)  # the trace is not what is measured
    started = time.perf_counter()
    label = trained.label_names[0]
    logits = trained.predict(batches, verbose=0)[label]
    inference = (time.perf_counter() - started) * 1e6 / len(logits)
    values = measure(data, part, label, logits)
    epochs = len(trained.history.history["loss"])
    return {
        **values,
        "validation_loss": min(trained.history.history["val_loss"]),
        "parameters": trained.count_params(),
        "examples_per_second": epochs * len(data.train) / seconds,
        "inference_us": inference,
        "seed": seed,
    }


def dataset_of(name: str) -> Dataset:
    """A data set by name; `complete_journey@50` has 50 households."""
    name, _, households = name.partition("@")
    if not households:
        return load_dataset(name)
    made = complete_journey(max_households=int(households))
    return dataclasses.replace(made, name=f"{name}@{households}")


def measure(
    data: Dataset, part: str, label: str, logits: np.ndarray
) -> dict[str, float]:
    """All metrics of logits on one part."""
    frame = data.frame(part)
    labels = frame[label].to_numpy()
    users = frame[data.schema.user_id].to_numpy()
    probabilities = 1 / (1 + np.exp(-logits.astype("float64")))
    row = report_from_arrays({label: labels}, {label: probabilities}, groups=users)
    values = row.to_dict()[label]["overall"]
    return {name: float(values[name]) for name in METRICS}


def study(
    data: Dataset, models: list[str], seeds: int, count: int, runs: Runs
) -> dict[str, Any]:
    """For each model: the search, the chosen setting, its runs on the test part.

    An ablation behind its model (`TLSI`, then `TLSI:wo-TP`) takes its setting.
    """
    console = Console()
    found: dict[str, Any] = {}
    for model in models:
        searched = []
        whole = found.get(model.partition(":")[0])
        for setting in [] if whole else trials(model, count):
            result = runs(model, data, setting, seed=100, part="validation")
            searched.append({"setting": setting, **result})
            loss = f"{result['validation_loss']:.4f}"
            console.print(model, setting, loss, f"{result['auc']:.4f}")
        best = whole or min(searched, key=lambda trial: trial["validation_loss"])
        setting = best["setting"]
        tested = [runs(model, data, setting, s, "test") for s in range(seeds)]
        console.print(model, *(f"{result['auc']:.4f}" for result in tested))
        found[model] = {"search": searched, "setting": setting, "runs": tested}
    return found


def rows(found: dict[str, Any], baseline: str) -> list[dict[str, Any]]:
    """A row a model: mean, deviation, and a paired t-test on AUC.

    The test is with the baseline; of a form or variant with its model, if it is there.
    """
    table = []
    for model, result in found.items():
        other = re.split("[+:]", model)[0]
        other = baseline if other == model or other not in found else other
        reference = [r["auc"] for r in found[other]["runs"]]
        row: dict[str, Any] = {"model": model}
        for name in (*METRICS, "parameters", "examples_per_second", "inference_us"):
            values = [r[name] for r in result["runs"]]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            row[name] = (statistics.mean(values), spread)
        own = [r["auc"] for r in result["runs"]]
        row["p_value"] = (
            None
            if model == baseline or len(own) < 2
            else float(stats.ttest_rel(own, reference).pvalue)
        )
        table.append(row)
    return table


def markdown(table: list[dict[str, Any]], baseline: str, about: dict[str, Any]) -> str:
    """The page under docs/results/."""
    lines = [
        f"# Results: {about['data']}",
        "",
        f"Written by `{about['command']}` on {about['machine']}. "
        f"{about['train']} training, {about['test']} test examples; "
        f"{about['trials']} trials a model on the validation part, "
        f"{about['seeds']} seeds on the test part; mean ± standard deviation. "
        f"p: paired t-test of AUC over seeds against {baseline}, of forms and variants "
        "against their model. Times: one thread of a machine that others used too. "
        "Protocol: "
        "[protocol.md](protocol.md).",
        "",
        "| model | "
        + " | ".join(METRICS)
        + " | p | parameters | train ex/s | µs/row |",
        "|---" * (len(METRICS) + 5) + "|",
    ]
    for row in table:
        cells = [f"{row[m][0]:.4f} ± {row[m][1]:.4f}" for m in METRICS]
        p_value = "" if row["p_value"] is None else f"{row['p_value']:.2g}"
        cells += [p_value, f"{row['parameters'][0]:,.0f}"]
        cells += [
            f"{row['examples_per_second'][0]:,.0f}",
            f"{row['inference_us'][0]:.1f}",
        ]
        lines.append(f"| {row['model']} | " + " | ".join(cells) + " |")
    return "\n\n".join(["\n".join(lines), *about["remarks"], about["note"]]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="movielens_100k")
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--baseline", default="LogisticRegression")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--quick", action="store_true", help="synthetic, one seed")
    parser.add_argument("--json", type=Path, help="also write the raw runs here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    parser.add_argument("--runs", type=Path, help="keeps runs here, and goes on")
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--remark", action="append", default=[], help="for the page")
    options = parser.parse_args()
    if options.quick:
        options.data, options.seeds, options.trials = "synthetic", 1, 1
    data = dataset_of(options.data)
    runs = Runs(options.runs, options.seconds)
    try:
        found = study(data, options.models, options.seeds, options.trials, runs)
    except OutOfTime:
        sys.exit(75)
    table = rows(found, options.baseline)
    about = {
        "data": options.data,
        "command": shown_command(sys.argv),
        "machine": f"{platform.machine()}, {_cores()} cores, {platform.platform()}",
        "train": f"{len(data.train):,}",
        "test": f"{len(data.test):,}",
        "trials": options.trials,
        "seeds": options.seeds,
        "note": data.note,
        "remarks": options.remark,
    }
    shown = Table("model", *METRICS, "p")
    for row in table:
        cells = [f"{row[m][0]:.4f} ± {row[m][1]:.4f}" for m in METRICS]
        shown.add_row(row["model"], *cells, str(row["p_value"]))
    Console().print(shown)
    if options.json:
        options.json.write_text(json.dumps({**about, "models": found}, indent=1))
    if options.page:
        options.page.write_text(markdown(table, options.baseline, about))


def shown_command(arguments: list[str]) -> str:
    """The command, without what says where it began and what the page remarks."""
    words = iter(["python", *arguments])
    left_out = ("--remark", "--runs", "--seconds")
    return " ".join(w for w in words if w not in left_out or not next(words, ""))


def _cores() -> int:
    return os.cpu_count() or 0


if __name__ == "__main__":
    main()
