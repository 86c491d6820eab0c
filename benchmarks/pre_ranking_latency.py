"""What a pre-ranking request costs: two towers, TARQ and exact target attention.

Each model is exported with an item store and asked through its whole `pre_ranking`
signature, in process: ids are looked up, histories encoded, candidates scored and the
best returned. Runs of the models alternate, so that noise of the machine hits all.

    python benchmarks/pre_ranking_latency.py --json build/pre_ranking_latency.json \
        --page docs/results/pre_ranking_latency.md
    python benchmarks/pre_ranking_latency.py --quick
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from tfctr import export
from tfctr.features import Categorical, FeatureSchema, Label, SchemaState, Sequence
from tfctr.models import TARQ, LogisticRegression, StoredTargetAttention, TwoTower

LEVELS, CODES, WIDTH = 3, 64, 64
CANDIDATES = (100, 200, 400, 1_000, 10_000, 100_000)
HISTORIES = (50, 200, 1_000)
QUICK = ((100, 1_000, 5_000), (50, 200))
# Both heads of TARQ that are built for speed: see docs/methods/tarq.md.
TARQS = {"TARQ": "additive", "TARQ, tower head": "tower"}
MODELS = ("TwoTower", *TARQS, "exact")
# Candidates, and how many times faster than exact attention TARQ has to be.
TARGETS = ((10_000, 8.0), (100_000, 12.0))
TARGET_HISTORY, MOST_OF_TWO_TOWER = 200, 2.0
MOST_SLOPE = 1.25
MET = {True: "met", False: "MISSED"}
HEADERS = (
    "history",
    "candidates",
    *(f"{name}, ms" for name in MODELS),
    "exact / TARQ",
    "TARQ / TwoTower",
)


def make_state(items: int) -> SchemaState:
    """A shop of so many items in 50 categories, with histories of up to 1,000."""
    features = [Categorical("item_id"), Categorical("category")]
    schema = FeatureSchema(
        user=[Categorical("user_id")],
        item=features,
        sequences=[Sequence("history", features, max_length=max(HISTORIES))],
        labels=[Label("click")],
        user_id="user_id",
        item_id="item_id",
    )
    frame = catalogue(items).assign(user_id="u")
    empty = pd.Series([[]] * items)
    frame["history_item_id"] = frame["history_category"] = empty
    return schema.fit(frame)


def catalogue(items: int) -> pd.DataFrame:
    """Ids and categories of all items."""
    numbers = np.arange(items)
    ids = [f"item{n}" for n in numbers]
    return pd.DataFrame({"item_id": ids, "category": [f"c{n % 50}" for n in numbers]})


def make_models(schema: FeatureSchema) -> dict[str, Any]:
    """The three models, of equal widths, untrained."""
    sizes = {"num_levels": LEVELS, "num_codes": CODES, "attention_dim": WIDTH}
    return {
        "TwoTower": TwoTower(schema, dim=16),
        **{
            name: TARQ(schema, dim=16, settings=sizes, head=head)
            for name, head in TARQS.items()
        },
        "exact": StoredTargetAttention(schema, dim=16, attention_dim=WIDTH),
    }


def save_models(folder: Path, items: int) -> dict[str, Path]:
    """SavedModels by name."""
    state = make_state(items)
    ranking = LogisticRegression(state.schema)
    paths = {}
    for name, model in make_models(state.schema).items():
        paths[name] = export.save(
            folder / name,
            ranking=ranking,
            pre_ranking=model,
            state=state,
            items=catalogue(items),
        )
    return paths


def request(items: int, candidates: int, history: int) -> dict[str, Any]:
    """One request: a user with so many events, and so many ids."""
    rng = np.random.default_rng(0)
    events = rng.integers(0, items, history)
    asked = rng.permutation(items)[:candidates]
    return {
        "user_id": tf.constant(["u"]),
        "history_item_id": tf.constant([[f"item{n}" for n in events]]),
        "history_category": tf.constant([[f"c{n % 50}" for n in events]]),
        "item_id": tf.constant([[f"item{n}" for n in asked]]),
    }


def measure(
    signatures: Mapping[str, Any], items: int, candidates: int, history: int, runs: int
) -> dict[str, Any]:
    """Medians of alternating calls, in milliseconds."""
    inputs = request(items, candidates, history)
    found: dict[str, list[float]] = {name: [] for name in signatures}
    for run in range(runs + 2):
        for name, signature in signatures.items():
            started = time.perf_counter()
            signature(**inputs)["top_score"].numpy()
            if run > 1:  # the first ones plan and allocate
                found[name].append(1e3 * (time.perf_counter() - started))
    medians = {name: statistics.median(values) for name, values in found.items()}
    return {"history": history, "candidates": candidates, **medians}


def slopes(rows: Iterable[Mapping[str, Any]], least: int) -> list[dict[str, Any]]:
    """Microseconds a candidate by history: least squares of time on candidates."""
    found = []
    rows = [row for row in rows if row["candidates"] >= least]
    for history in sorted({row["history"] for row in rows}):
        own = [row for row in rows if row["history"] == history]
        counts = np.array([row["candidates"] for row in own], float)
        fits = {
            name: float(1e3 * np.polyfit(counts, [row[name] for row in own], 1)[0])
            for name in MODELS
        }
        found.append({"history": history, **fits})
    return found


def resident_bytes(path: Path) -> int:
    """Bytes of memory of a new process that has loaded a model and answered once."""
    command = [sys.executable, __file__, "--load", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def memory(small: Path, large: Path, few: int, items: int) -> dict[str, Any]:
    """What an item more takes in a serving process, and what of it is stored."""
    text = (large / "assets.extra" / "item_store.json").read_text()
    stored: dict[str, int] = json.loads(text)["num_bytes"]
    grown = resident_bytes(large) - resident_bytes(small)
    # The unknown item is one row more.
    by_part = {name: size / (items + 1) for name, size in stored.items()}
    more_items = items - few
    return {"items": more_items, "resident": grown / more_items, **by_part}


def verdicts(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Whether the targets are met, one sentence each."""
    said = []
    by_size = {(row["history"], row["candidates"]): row for row in rows}
    for candidates, least in TARGETS:
        row = by_size.get((TARGET_HISTORY, candidates))
        if row is None:
            continue
        for name in TARQS:
            faster, slower = row["exact"] / row[name], row[name] / row["TwoTower"]
            said += [
                f"{MET[faster >= least]}: {candidates:,} candidates, history "
                f"{TARGET_HISTORY}: {name} {faster:.1f} times faster than exact target "
                f"attention (target {least:g}).",
                f"{MET[slower <= MOST_OF_TWO_TOWER]}: there {name} takes {slower:.2f} "
                f"times as long as two towers (target {MOST_OF_TWO_TOWER:g}).",
            ]
    return said


def slope_verdict(found: list[dict[str, Any]]) -> str:
    """Whether a candidate costs TARQ the same, however long the history is."""
    short, long = found[0], found[-1]
    ours, exact = (long[name] / short[name] for name in ("TARQ", "exact"))
    return (
        f"{MET[ours <= MOST_SLOPE]}: a candidate more costs TARQ {ours:.2f} times as "
        f"much at history {long['history']:,} as at {short['history']:,} (target "
        f"{MOST_SLOPE:g}), exact target attention {exact:.2f} times."
    )


def cells(row: Mapping[str, Any]) -> list[str]:
    """One line of the table."""
    return [
        f"{row['history']:,}",
        f"{row['candidates']:,}",
        *(f"{row[name]:.2f}" for name in MODELS),
        f"{row['exact'] / row['TARQ']:.2f}",
        f"{row['TARQ'] / row['TwoTower']:.2f}",
    ]


def page(found: Mapping[str, Any]) -> str:
    """The page under docs/results/."""
    lines = [
        "# Latency of the pre-ranking stage",
        "",
        f"Printed by `benchmarks/pre_ranking_latency.py` on {machine()}.",
        "",
        f"Medians of alternating calls of the whole `pre_ranking` signature of a "
        f"SavedModel with {found['items']:,} items, one request at a time, in process: "
        "ids are text, the answer is sorted. TARQ, with its additive and its tower "
        f"head, has L = {LEVELS} levels of K = {CODES} codes; it and exact target "
        f"attention (`StoredTargetAttention`) attend at width {WIDTH} with 4 heads.",
        "",
        "| " + " | ".join(HEADERS) + " |",
        "|---:" * len(HEADERS) + "|",
        *("| " + " | ".join(cells(row)) + " |" for row in found["rows"]),
        "",
        *(f"- {text}" for text in found["verdicts"]),
        "",
        f"L x K = {LEVELS * CODES}: with fewer candidates TARQ attends more often than "
        "exact attention does, with more, less often.",
        "",
        "## A candidate more",
        "",
        "Microseconds a candidate, by least squares over 1,000 candidates and more:",
        "",
        "| history | " + " | ".join(MODELS) + " |",
        "|---:" * (1 + len(MODELS)) + "|",
        *(
            f"| {row['history']:,} | "
            + " | ".join(f"{row[name]:.3f}" for name in MODELS)
            + " |"
            for row in found["slopes"]
        ),
        "",
    ]
    if found.get("memory"):
        lines += memory_lines(found["memory"])
    return "\n".join(lines)


def memory_lines(found: Mapping[str, Any]) -> list[str]:
    """The part about memory."""
    stored = {k: v for k, v in found.items() if k not in ("items", "resident")}
    parts = ", ".join(f"{name} {size:.1f}" for name, size in stored.items())
    return [
        "## An item more",
        "",
        f"Bytes of the TARQ store for each item: {parts}. A serving process grew by "
        f"{found['resident']:.0f} bytes for each of {found['items']:,} more items: "
        "beside the store that is the item's row in the embedding tables (16 floats "
        "here, in both heads), its text id in the store's and the vocabulary's hash "
        "tables, and what the allocator keeps.",
        "",
    ]


def machine() -> str:
    """The machine, in a few words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}"


def study(is_quick: bool) -> dict[str, Any]:
    """All numbers."""
    sizes, histories = QUICK if is_quick else (CANDIDATES, HISTORIES)
    items = max(sizes)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = save_models(Path(folder) / "large", items)
        loaded = {name: tf.saved_model.load(str(p)) for name, p in paths.items()}
        signatures = {n: m.signatures["pre_ranking"] for n, m in loaded.items()}
        for history in histories:
            for candidates in sizes:
                is_long = candidates * history > 5_000_000
                runs = 5 if is_quick or is_long else 21
                rows.append(measure(signatures, items, candidates, history, runs))
        found: dict[str, Any] = {"machine": machine(), "items": items, "rows": rows}
        found["slopes"] = slopes(rows, 1_000)
        found["verdicts"] = [*verdicts(rows), slope_verdict(found["slopes"])]
        if not is_quick:
            few = 1_000
            small = save_models(Path(folder) / "small", few)["TARQ"]
            found["memory"] = memory(small, paths["TARQ"], few, items)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few sizes, few runs")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        model = tf.saved_model.load(str(options.load))
        model.signatures["pre_ranking"](**request(100, 100, 50))
        print(psutil.Process().memory_info().rss)
        return
    found = study(options.quick)
    shown = Table(*HEADERS)
    for row in found["rows"]:
        shown.add_row(*cells(row))
    Console().print(shown)
    print(*found["slopes"], *found["verdicts"], found.get("memory", ""), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    if options.page:
        options.page.write_text(page(found))


if __name__ == "__main__":
    main()
