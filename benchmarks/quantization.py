"""Exports one trained model with each table format: size, error, AUC, log loss.

python benchmarks/quantization.py --json build/quantization.json
python benchmarks/quantization.py --quick
"""

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tfctr import export
from tfctr.data import Dataset
from tfctr.training import TrainingConfig, train
from tfctr.training.runs import load_dataset


def measure(
    data: Dataset, model: str, *, dim: int, epochs: int, seed: int
) -> list[dict[str, Any]]:
    """A row a format, of one model trained once."""
    config = TrainingConfig(
        model=model,
        arguments={} if model == "LogisticRegression" else {"dim": dim},
        epochs=epochs,
        batch_size=512,
        seed=seed,
    )
    trained = train(
        config,
        data.schema,
        data.to_dataset("train", config.batch_size, seed=seed),
        data.to_dataset("validation", 4096),
        verbose=0,
    )
    reports = export.compare_table_formats(trained, data.to_dataset("test", 4096))
    label = trained.label_names[0]
    exact = reports["float32"].metrics.labels[label].overall
    rows = []
    for name, report in reports.items():
        overall = report.metrics.labels[label].overall
        rows.append(
            {
                "model": model,
                "dim": dim,
                "seed": seed,
                "table_format": name,
                "table_bytes": report.table_bytes,
                "variables_bytes": size_of_export(data, trained, name),
                "largest_logit_error": report.largest_error,
                "auc": overall.auc,
                "auc_change": overall.auc - exact.auc,
                "log_loss": overall.log_loss,
                "log_loss_change": overall.log_loss - exact.log_loss,
            }
        )
    return rows


def size_of_export(data: Dataset, model: Any, table_format: str) -> int:
    """Bytes of the variables of the SavedModel, the item store among them."""
    with tempfile.TemporaryDirectory() as folder:
        path = export.save(
            folder,
            ranking=model,
            state=data.state,
            items=data.items,
            table_format=table_format,
        )
        return sum(f.stat().st_size for f in (path / "variables").iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="movielens_100k")
    parser.add_argument("--models", nargs="+", default=["DeepFM", "DIN"])
    parser.add_argument("--dim", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="synthetic, one model")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    options = parser.parse_args()
    if options.quick:
        options.data, options.models, options.epochs = "synthetic", ["DeepFM"], 1
    data = load_dataset(options.data)
    rows = []
    for model in options.models:
        rows += measure(
            data, model, dim=options.dim, epochs=options.epochs, seed=options.seed
        )
    about = {
        "data": options.data,
        "epochs": options.epochs,
        "test": len(data.test),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"{platform.platform()}",
    }
    show(rows)
    if options.json:
        options.json.write_text(json.dumps({**about, "rows": rows}, indent=1))


def show(rows: list[dict[str, Any]]) -> None:
    """Prints the table for people."""
    shown = Table(
        *("model", "tables", "table kB", "variables kB"),
        *("largest logit error", "AUC", "change", "log loss", "change"),
    )
    for row in rows:
        shown.add_row(
            row["model"],
            row["table_format"],
            f"{row['table_bytes'] / 1e3:,.0f}",
            f"{row['variables_bytes'] / 1e3:,.0f}",
            f"{row['largest_logit_error']:.4f}",
            f"{row['auc']:.5f}",
            f"{row['auc_change']:+.5f}",
            f"{row['log_loss']:.5f}",
            f"{row['log_loss_change']:+.5f}",
        )
    Console(width=110).print(shown)


if __name__ == "__main__":
    main()
