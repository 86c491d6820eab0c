"""From raw runs to rows of the table, and to the targets of issue 3."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from peer_runs.libraries import LIBRARIES

__all__ = ["MEASURES", "Measure", "Row", "Spread", "Verdict", "rows_of", "verdicts"]


class Measure(NamedTuple):
    """A column: the key in a run, its title and the format of its values."""

    key: str
    title: str
    form: str = "{:,.0f}"


MEASURES = (
    Measure("steady", "steady ex/s"),
    Measure("steady_cpu", "ex per CPU-s"),
    Measure("first_epoch", "first epoch ex/s"),
    Measure("prepare_seconds", "prepare s", "{:.1f}"),
    Measure("predict_second", "predict rows/s"),
    Measure("predict_first", "predict, first call"),
    Measure("predict_all", "predict, all rows"),
    Measure("auc", "AUC", "{:.4f}"),
    Measure("peak_rss_mb", "peak MB"),
)


class Spread(NamedTuple):
    """Median and extremes of several runs."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """All runs of one library in one setting.

    Attributes:
        workload: Name of the workload.
        threads: Number of threads.
        library: Name and version.
        variant: How it was fed.
        runs: Number of runs that ended well.
        values: Spread of each measure, by key; empty where no run ended well.
        error: Why the last run that failed did so; empty if none did.
    """

    workload: str
    threads: int
    library: str
    variant: str
    runs: int
    values: dict[str, Spread]
    error: str = ""


class Verdict(NamedTuple):
    """One target and what was reached.

    Attributes:
        target: What has to be reached.
        ratio: Ours over that of the fastest peer.
        least: Least ratio.
        peer: The fastest peer.
    """

    target: str
    ratio: float
    least: float
    peer: str

    @property
    def is_met(self) -> bool:
        return self.ratio >= self.least


def rows_of(runs: Iterable[dict[str, Any]]) -> list[Row]:
    """One row a setting, in order of first appearance."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for run in runs:
        key = (run["workload"], run["threads"], run["library"], run["variant"])
        groups.setdefault(key, []).append(run)
    return [_row(key, members) for key, members in groups.items()]


def verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """Every target for which there are a row of ours and one of a peer."""
    found = []
    for workload, least in (("deepfm", 1.5), ("din", 2.0)):
        for threads in (1, 2):
            here = _of(rows, workload, threads)
            for key, needed in (
                ("steady", least),
                ("steady_cpu", least),
                ("first_epoch", 1.0),
                ("predict_second", 1.0),
            ):
                found += _against_fastest(here, key, needed)
    keras = {library.name for library in LIBRARIES if library.is_keras}
    for threads in (1, 2):
        here = [
            row
            for row in _of(rows, "deepfm_1m", threads)
            if row.library == "tfctr" or row.library in keras
        ]
        found += _against_fastest(here, "steady", 10.0)
    return found


def _row(key: tuple[Any, ...], members: list[dict[str, Any]]) -> Row:
    good = [run for run in members if "error" not in run]
    errors = [run["error"] for run in members if "error" in run]
    values = {}
    for measure in MEASURES if good else ():
        numbers = [run[measure.key] for run in good]
        values[measure.key] = Spread(
            statistics.median(numbers), min(numbers), max(numbers)
        )
    return Row(*key, len(good), values, errors[-1] if errors else "")


def _of(rows: Sequence[Row], workload: str, threads: int) -> list[Row]:
    return [
        row
        for row in rows
        if row.workload == workload and row.threads == threads and row.values
    ]


def _against_fastest(rows: Sequence[Row], key: str, least: float) -> list[Verdict]:
    ours = [row for row in rows if row.library == "tfctr"]
    peers = [row for row in rows if row.library != "tfctr"]
    if not ours or not peers:
        return []
    fastest = max(peers, key=lambda row: row.values[key].median)
    best = max(ours, key=lambda row: row.values[key].median)
    title = next(measure.title for measure in MEASURES if measure.key == key)
    cores = "one core" if best.threads == 1 else f"{best.threads} cores"
    return [
        Verdict(
            f"{best.workload}, {cores}: {title}",
            best.values[key].median / fastest.values[key].median,
            least,
            f"{fastest.library}, {fastest.variant}",
        )
    ]
