"""Trains and predicts with every library on the same data and prints one table.

Protocol, libraries and targets: docs/results/speed.md, which `--page` writes.

    python benchmarks/peers.py --json build/peers.json --page docs/results/speed.md
    python benchmarks/peers.py --quick
    python benchmarks/peers.py --library tfctr --workload din --threads 1
"""

import argparse
import datetime
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peer_runs.floors import Ceilings, distinct_rows, floor_of
from peer_runs.libraries import LIBRARIES, Library
from peer_runs.pages import Cost, floor_lines, page, shown
from peer_runs.processes import Runner
from peer_runs.summary import MEASURES, Row, rows_of, verdicts
from peer_runs.workloads import WORKLOADS, Workload, load, written
from rich.console import Console

ROOT = Path(__file__).parents[1]
DATA = ROOT / "build" / "bench"
QUICK_ROWS = 10 * 4_096
TABLE_WIDTH = 150
LESS_TOLD = ("predict_first", "predict_all")  # by the page only
# Here a few steps cost a peer most of a minute, however it is fed: one form, one run.
RUN_ONCE = ("deepfm_1m",)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--workload", nargs="+", choices=WORKLOADS, default=list(WORKLOADS)
    )
    parser.add_argument(
        "--library", nargs="+", default=[], help="those with such a part of their name"
    )
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, help="training rows, instead of all")
    parser.add_argument("--timeout", type=float, default=300, help="seconds of a run")
    parser.add_argument(
        "--patience", type=float, default=25, help="a peer's longer runs stay alone"
    )
    parser.add_argument(
        "--minutes", type=float, default=21, help="after them nothing is repeated"
    )
    parser.add_argument("--no-build", action="store_true", help="no new environments")
    parser.add_argument("--no-floors", action="store_true", help="only the table")
    parser.add_argument("--trace", type=Path, help="TensorBoard trace of tfctr's step")
    parser.add_argument(
        "--quick", action="store_true", help="few rows, within a minute"
    )
    parser.add_argument("--json", type=Path, help="also write runs and floors here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    options = parser.parse_args()
    if options.quick:
        options.workload, options.threads, options.repeats = ["deepfm"], [2], 1
        options.rows, options.no_build, options.no_floors = QUICK_ROWS, True, True
    return options


def libraries(options: argparse.Namespace) -> list[Library]:
    """The libraries that were asked for, or all; in the quick form one of a kind."""
    parts = [part.lower() for part in options.library]
    chosen = [
        library
        for library in LIBRARIES
        if (library.is_quick or not options.quick)
        and (not parts or any(part in library.label.lower() for part in parts))
    ]
    if not chosen:
        raise SystemExit(
            f"No library is called {options.library}: {[b.label for b in LIBRARIES]}"
        )
    return chosen


def rounds(
    options: argparse.Namespace, chosen: list[Library]
) -> Iterator[tuple[int, str, int, Library]]:
    """Every run of the comparison: rounds in which each setting comes once."""
    for number in range(options.repeats):
        for name in options.workload:
            if number and name in RUN_ONCE:
                continue
            for threads in options.threads:
                for library in chosen:
                    if name in RUN_ONCE and not library.is_quick:
                        continue
                    yield number, name, threads, library


def study(
    options: argparse.Namespace,
    chosen: list[Library],
    workloads: dict[str, Workload],
    console: Console,
) -> list[dict[str, Any]]:
    """The record of every run."""
    runner = Runner(build=not options.no_build, timeout=options.timeout)
    runs: list[dict[str, Any]] = []
    alone: set[tuple[str, int, str]] = set()
    begun = time.monotonic()
    for number, name, threads, library in rounds(options, chosen):
        setting, started = (name, threads, library.label), time.monotonic()
        over = number and started - begun > 60 * options.minutes
        if over or setting in alone:
            continue
        run = runner.run(library, workloads[name], threads, folder_of(workloads[name]))
        seconds = time.monotonic() - started
        is_slow = seconds > options.patience and library.name != "tfctr"
        if is_slow or "error" in run:
            alone.add(setting)
        runs.append({**run, "round": number, "seconds": seconds})
        said = run.get("error") or f"{run['steady']:,.0f} ex/s, {seconds:.0f} s"
        console.print(f"{number + 1} {name} {threads}: {library.label}: {said}")
    return runs


def folder_of(workload: Workload) -> Path:
    return written(workload, DATA)


def costs(
    options: argparse.Namespace, workloads: dict[str, Workload], rows: list[Row]
) -> dict[str, Cost]:
    """Floor and profile of every workload."""
    runner, found = Runner(build=False, timeout=options.timeout), {}
    for name, workload in workloads.items():
        folder = folder_of(workload)
        train = load(folder, "train")
        case = {
            "workload": workload.to_dict(),
            "folder": str(folder),
            "threads": 1,
            "arguments": {"trace": str(options.trace.resolve() / name)}
            if options.trace
            else {},
        }
        try:
            measured = {
                module: runner.call(
                    [sys.executable, "-m", f"peer_runs.{module}"], case, {}
                )
                for module in ("ceilings", "profile_run")
            }
        except RuntimeError as failure:  # the table is worth more than this
            print(f"no floor of {name}: {failure}", file=sys.stderr)
            continue
        events = float(train.history_lengths.mean())
        floor = floor_of(workload, events, distinct_rows(train, workload.batch_size))
        reached = [
            row.values["steady_cpu"].median
            for row in rows
            if (row.workload, row.threads, row.library) == (name, 1, "tfctr")
            and row.variant == "packed dataset"
            and row.values
        ]
        found[name] = Cost(
            floor,
            Ceilings(**measured["ceilings"]),
            reached[0] if reached else None,
            measured["profile_run"]["parts"],
        )
    return found


def described(
    options: argparse.Namespace, workloads: dict[str, Workload], runs: list[Any]
) -> dict[str, Any]:
    """What the page says about the run as a whole."""
    versions = {k: v for run in runs for k, v in run.get("versions", {}).items()}
    first = next(iter(workloads.values()))
    loads = [run["load_average"] for run in runs if "load_average" in run]
    return {
        "command": " ".join(["python", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.platform()}, "
        f"load average up to {max(loads, default=0):.1f}",
        "versions": ", ".join(f"{k} {v}" for k, v in sorted(versions.items())),
        "skip": first.skip,
        "batch_size": first.batch_size,
        "valid_rows": first.valid_rows,
        "deviation": first.deviation,
        "patience": options.patience,
        "workloads": {name: sentence(w) for name, w in workloads.items()},
    }


def sentence(workload: Workload) -> str:
    """The workload in words."""
    history = ""
    if workload.history:
        history = (
            f", a history of {workload.shortest} to {workload.history} values of the "
            "first field, which shares its table, attention MLP "
            + "-".join(map(str, workload.attention_units))
        )
    return (
        f"{workload.model}: {workload.rows:,} rows, {workload.fields} fields of "
        f"{workload.values:,} values{history}, width {workload.dim}, MLP "
        + "-".join(map(str, workload.hidden_units))
        + f", batches of {workload.batch_size:,}, Adam {workload.learning_rate:g}, no "
        "regularisation, one epoch."
    )


def processor() -> str:
    """Name of the processor."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main() -> None:
    options, console = arguments(), Console()
    console.width = max(console.width, TABLE_WIDTH)
    workloads = {name: WORKLOADS[name] for name in options.workload}
    if options.rows:
        workloads = {k: w.shortened(options.rows) for k, w in workloads.items()}
    runs = study(options, libraries(options), workloads, console)
    rows = rows_of(runs)
    found = {} if options.no_floors else costs(options, workloads, rows)
    console.print(shown(rows, [m for m in MEASURES if m.key not in LESS_TOLD]))
    # Fewer rows are another workload: start-up and the last step weigh more.
    targets = [] if options.rows else verdicts(rows)
    for verdict in targets:
        met = "met" if verdict.is_met else "MISSED"
        console.print(
            f"{met}: {verdict.target} {verdict.ratio:.2f} of {verdict.least:.1f} times "
            f"{verdict.peer}"
        )
    for line in floor_lines(found):
        console.print(line)
    about = described(options, workloads, runs)
    if options.json:
        result = {
            **about,
            "runs": runs,
            "targets": [{**v._asdict(), "is_met": v.is_met} for v in targets],
            "costs": {name: cost.to_dict() for name, cost in found.items()},
        }
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    if options.page:
        text = page(about, rows, targets, found)
        options.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
