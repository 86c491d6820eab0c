"""The demo: MovieLens-100k from ratings to ten recommended titles over gRPC."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from tfctr.data import Dataset, movielens_100k, to_dataset
from tfctr.evaluation import Report, evaluate, report_from_arrays
from tfctr.features import to_examples
from tfctr.pipelines.config import PipelineConfig, load_config
from tfctr.pipelines.errors import PipelineError
from tfctr.pipelines.runners.local import run_pipeline
from tfctr.pipelines.trained import Trained
from tfctr.serving.cascade import CascadeClient, RankedItem
from tfctr.serving.client import PredictClient
from tfctr.serving.launch import launch
from tfctr.training import TrainingConfig, train

__all__ = ["run_demo"]

LABEL = "like"
PARITY_ROWS = 1000


def run_demo(output: str | Path, console: Console | None = None) -> dict[str, Any]:
    """Runs pipeline, baselines, server and cascade; shows and returns what came out.

    Args:
        output: Folder for everything; `summary.json` in it holds what is returned.
        console: Where to show progress and results.

    Returns:
        Metrics of both heads and of the baselines, the largest difference between
        gRPC and memory, the path of the SavedModel, seconds.
    """
    console = console or Console()
    output, started = Path(output), time.monotonic()
    output.mkdir(parents=True, exist_ok=True)
    console.rule("MovieLens-100k: ratings to a checked SavedModel (TFX)")
    name = str(output / "pipeline")
    config = load_config("movielens", [f"output={json.dumps(name)}"])
    result = run_pipeline(config, report=console.print)
    if result.pushed is None:
        raise PipelineError("Pusher", RuntimeError("; ".join(result.problems)))
    heads = Trained.load(result.trained)
    console.rule("Baselines on the same split")
    data = movielens_100k()
    reports = {**_heads(heads, data), **_baselines(data)}
    _show_reports(console, reports)
    console.rule("Ten titles for one user, over gRPC")
    served = _serve_and_ask(config, heads, data, console)
    summary = {
        "data": {"name": data.name, "test_examples": len(data.test)},
        "heads": {k: _main(reports[k]) for k in ("ranking", "pre_ranking")},
        "baselines": {
            k: _main(v) for k, v in reports.items() if k.startswith("baseline")
        },
        "saved_model": str(result.pushed),
        **served,
        "seconds": round(time.monotonic() - started, 1),
    }
    aside = output / "summary.json.partial"
    aside.write_text(json.dumps(summary, indent=2))
    aside.rename(output / "summary.json")
    console.print(f"Wrote {output / 'summary.json'} in {summary['seconds']} s")
    return summary


def _serve_and_ask(
    config: PipelineConfig, heads: Trained, data: Dataset, console: Console
) -> dict[str, Any]:
    """Starts a server on what was pushed; parity, and a list for one user."""
    name = config.serving.model_name
    with (
        launch(config.serving_folder, name, report=console.print) as server,
        PredictClient(server.address, name) as client,
    ):
        difference = _largest_difference(client, heads, data)
        user = _user_with_history(data)
        ranked = _recommend(client, data, user)
    _show_user(console, data, user, ranked)
    console.print(
        f"Largest difference between gRPC and memory on {PARITY_ROWS} rows:"
        f" {difference:.1e}"
    )
    recommended = [
        {
            "item_id": item.item_id,
            "title": _titles(data)[item.item_id],
            "pre_ranking_score": item.pre_ranking_score,
            "ranking_score": item.ranking_score,
        }
        for item in ranked
    ]
    return {
        "largest_grpc_difference": difference,
        "user_id": str(user["user_id"]),
        "recommended": recommended,
    }


def _heads(heads: Trained, data: Dataset) -> dict[str, Report]:
    """Both heads as the pipeline trained them, on the test part."""
    test = to_dataset(data.test, heads.state, batch_size=4096, shuffle=False)
    return {
        "ranking": evaluate(heads.ranking, test),
        "pre_ranking": evaluate(heads.pre_ranking, test),
    }


def _baselines(data: Dataset) -> dict[str, Report]:
    users = data.test["user_id"].to_numpy()
    popularity = _popularity(data.train, data.test)
    regression = train(
        TrainingConfig(model="LogisticRegression", epochs=10, batch_size=256),
        data.schema,
        data.to_dataset("train", 256),
        data.to_dataset("validation", 4096),
        verbose=0,
    )
    return {
        "baseline: popularity": report_from_arrays(
            {LABEL: data.test[LABEL].to_numpy()}, {LABEL: popularity}, groups=users
        ),
        "baseline: logistic regression": evaluate(
            regression, data.to_dataset("test", 4096)
        ),
    }


def _popularity(train_part: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    """Each item's share of likes so far, drawn to the mean where it has few."""
    mean, strength = train_part[LABEL].mean(), 20.0
    likes = train_part.groupby("item_id")[LABEL].agg(["sum", "count"])
    share = (likes["sum"] + strength * mean) / (likes["count"] + strength)
    return np.asarray(test["item_id"].map(share).fillna(mean), "float64")


def _largest_difference(client: PredictClient, heads: Trained, data: Dataset) -> float:
    """Largest difference of probabilities: raw features over gRPC against memory."""
    rows, state = data.test.head(PARITY_ROWS), heads.state
    batches = to_dataset(rows, state, batch_size=PARITY_ROWS, shuffle=False)
    logits = heads.ranking.predict(batches, verbose=0)[LABEL]
    expected = 1 / (1 + np.exp(-logits.astype("float64")))
    names = [column.name for column in state.schema.raw_columns()]
    records = rows[names].to_dict("records")
    examples = [e.SerializeToString() for e in to_examples(state.schema, records)]
    answers = client.predict({"examples": examples}, "serving_default")
    return float(np.max(np.abs(answers[LABEL] - expected)))


def _user_with_history(data: Dataset) -> pd.Series:
    """The latest example of the user who has most test examples and a history."""
    counts = data.test[data.test["history_item_id"].str.len() >= 10]["user_id"]
    user_id = counts.value_counts().sort_index().idxmax()
    return data.test[data.test["user_id"] == user_id].iloc[-1]


def _recommend(
    client: PredictClient, data: Dataset, user: pd.Series
) -> list[RankedItem]:
    columns = data.schema.raw_columns(["user", "context", "sequence"])
    features = {column.name: user[column.name] for column in columns}
    seen = data.events["user_id"] == user["user_id"]
    seen &= data.events["timestamp"] < user["timestamp"]
    known = set(data.events[seen]["item_id"])
    candidates = [item for item in data.items["item_id"] if item not in known]
    cascade = CascadeClient(client, schema=data.schema)
    return cascade.rank(features, candidates, pre_rank_to=200, return_count=10)


def _show_reports(console: Console, reports: dict[str, Report]) -> None:
    names = (
        "auc",
        "gauc",
        "log_loss",
        "normalized_entropy",
        "calibration_ratio",
    )
    table = Table("test part", *names)
    for name, report in reports.items():
        table.add_row(name, *(f"{_main(report)[metric]:.4f}" for metric in names))
    console.print(table)


def _show_user(
    console: Console, data: Dataset, user: pd.Series, ranked: list[RankedItem]
) -> None:
    titles = _titles(data)
    console.print(f"User {user['user_id']}, most recent ratings:")
    for item, rating in list(
        zip(user["history_item_id"], user["history_rating"], strict=True)
    )[-10:][::-1]:
        console.print(f"  {rating}  {titles[item]}", highlight=False)
    table = Table("recommended", "pre-ranking", "ranking")
    for entry in ranked:
        table.add_row(
            titles[entry.item_id],
            f"{entry.pre_ranking_score:.4f}",
            f"{entry.ranking_score:.4f}",
        )
    console.print(table)


def _titles(data: Dataset) -> dict[str, str]:
    return dict(zip(data.items["item_id"], data.items["title"], strict=True))


def _main(report: Report) -> dict[str, Any]:
    """Metrics of the one label, over all examples."""
    return dict(report.to_dict()[LABEL]["overall"])
