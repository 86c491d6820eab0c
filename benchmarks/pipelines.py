"""Runs every shipped pipeline configuration whole: from raw logs to answers over gRPC.

Each is a process of its own: Beam, TFT, training, TFMA, the serving check (a server is
started on the SavedModel and asked), the push. The table says what TFMA measured on
the test split, and how far the answers over gRPC are from the model in memory.

    python benchmarks/pipelines.py --page docs/results/pipelines.md
    python benchmarks/pipelines.py --configs movielens_tlsi --json build/pipelines.json
    python benchmarks/pipelines.py --quick

`movielens_diff_msin` reads vectors that `benchmarks/diff_msin.py --vectors
build/vectors` writes first.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tfctr.pipelines import load_config

HEADERS = (
    "configuration",
    "ranking",
    "pre-ranking",
    "label",
    "AUC",
    "log loss",
    "calibration",
    "gRPC against memory",
    "pushed",
    "minutes",
    "of it Trainer",
)
CONFIGS = Path(__file__).parents[1] / "pipelines" / "configs"


def names() -> list[str]:
    """The shipped configurations, without the tiny one of the tests."""
    return sorted(path.stem for path in CONFIGS.glob("*.toml") if path.stem != "tiny")


def run_one(name: str, folder: str, changes: list[str]) -> dict[str, Any]:
    """Runs one configuration in this process; what came out."""
    from tfctr.pipelines import run_pipeline

    config = load_config(name, [f"output={json.dumps(folder)}", *changes])
    started = time.monotonic()
    result = run_pipeline(config)
    return {
        "configuration": name,
        "ranking": config.ranking.model,
        "pre_ranking": config.pre_ranking.model,
        "metrics": result.metrics,
        "differences": result.serving_check["differences"],
        "problems": result.problems,
        "pushed": result.pushed is not None,
        "seconds": time.monotonic() - started,
        "components": result.seconds,
    }


def run(name: str, changes: list[str]) -> dict[str, Any]:
    """The same in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="tfctr_pipelines_") as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, __file__, "--one", name, "--folder", folder]
        command += changes
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines()
            return {"configuration": name, "error": lines[-1] if lines else "?"}
        return dict(json.loads(answer.read_text()))


def cells(result: dict[str, Any]) -> Iterable[list[str]]:
    """A line for each label of a configuration."""
    name = result["configuration"]
    if "error" in result:
        yield [name, result["error"], *[""] * (len(HEADERS) - 2)]
        return
    worst = max(result["differences"].values())
    for label, values in result["metrics"].items():
        yield [
            name,
            result["ranking"],
            result["pre_ranking"],
            label,
            f"{values['auc']:.4f}",
            f"{values['binary_crossentropy']:.4f}",
            f"{values['calibration']:.3f}",
            f"{worst:.1e}",
            "yes" if result["pushed"] else "no: " + "; ".join(result["problems"]),
            f"{result['seconds'] / 60:.1f}",
            f"{result['components']['Trainer'] / 60:.1f}",
        ]


def page(results: list[dict[str, Any]], command: str) -> str:
    """The page under docs/results/."""
    rows = [HEADERS, ["---"] * len(HEADERS)]
    rows += [line for result in results for line in cells(result)]
    table = "\n".join("| " + " | ".join(line) + " |" for line in rows)
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"
    return (
        "# Pipelines from raw logs to gRPC\n\n"
        f"Written by `{command}` on {machine}. Every shipped configuration, one run"
        " each, nothing cached: Beam makes examples of the raw log, TFT learns"
        " vocabularies, both heads are trained, TFMA measures the ranking head on the"
        " test split, the serving check starts a server on the SavedModel and compares"
        " its answers over gRPC with the model in memory (largest difference of a"
        " probability over all signatures), and what passed is pushed.\n\n"
        f"{table}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", nargs="+", help="all by default")
    parser.add_argument("--quick", action="store_true", help="one, for one epoch")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("changes", nargs="*", help="overrides, as ranking.epochs=1")
    options = parser.parse_args()
    if options.one:
        found = run_one(options.one, options.folder, options.changes)
        (Path(options.folder) / "answer.json").write_text(json.dumps(found))
        return
    chosen, changes = options.configs or names(), options.changes
    if options.quick:
        chosen = ["movielens"]
        changes = ["ranking.epochs=1", "pre_ranking.epochs=1", "evaluation.min_auc=0.5"]
    console, table, results = Console(width=160), Table(*HEADERS), []
    for name in chosen:
        results.append(run(name, changes))
        for line in cells(results[-1]):
            console.print(*line)
            table.add_row(*line)
    console.print(table)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    if options.page:
        command = " ".join(["python", *sys.argv])
        options.page.write_text(page(results, command), encoding="utf-8")


if __name__ == "__main__":
    main()
