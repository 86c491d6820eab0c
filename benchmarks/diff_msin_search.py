"""Searches settings of Diff-MSIN on MovieLens-100k, and of what it is compared with.

One setting is changed at a time: learning rate, steps of the synergy, weights of the
losses. A second round takes what was best of each. Choices follow AUC of the
validation part with one seed; the chosen ones then run with more seeds, and their AUC
is that of the test part, as `diff_msin.py` measures it. The id alone and the plain
concatenation have their learning rates searched too, or the comparison would be unfair.

    python benchmarks/diff_msin_search.py --runs build/search.jsonl --minutes 25
    python benchmarks/diff_msin_search.py --quick

After the minutes no new run starts; the table then says how many seeds there are.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diff_msin import EPOCHS, RATE, VECTORS, held_back, run, spread, tables, without
from rich.console import Console
from rich.table import Table

from tfctr.data import movielens_100k

FORM, PEERS, SEEDS = "Diff-MSIN", ("Diff-MSIN, id alone", "concatenation"), 3
START = {
    "rate": RATE,
    "num_steps": 3,
    "decoupling_weight": 0.1,
    "synergy_weight": 0.05,
}
OTHERS: dict[str, list[float]] = {
    "rate": [5e-4, 1e-3, 4e-3],
    "decoupling_weight": [0.0, 0.01],
    "synergy_weight": [0.0, 0.5],
    "num_steps": [1],
}
PEER_RATES = [1e-3, 2e-3, 4e-3]
Settings = dict[str, float]
Result = dict[str, float]
Trial = tuple[str, Settings, int]


def first_round() -> list[tuple[str, Settings]]:
    """The start, each other value alone, and rates of the peers."""
    changed = [{**START, name: v} for name, vs in OTHERS.items() for v in vs]
    peers = [(form, {"rate": rate}) for form in PEERS for rate in PEER_RATES]
    return [(FORM, START), *peers, *((FORM, settings) for settings in changed)]


def combined(found: dict[str, Result]) -> Settings:
    """The best value of each setting, by validation AUC of what changed it alone."""
    best = {}
    for name in START:
        values = [START[name], *OTHERS[name]]
        tried = {v: found.get(key(FORM, {**START, name: v}, 0)) for v in values}
        known = {v: r["validation_auc"] for v, r in tried.items() if r is not None}
        best[name] = max(known, key=lambda v: known[v])
    return best


def chosen(found: dict[str, Result], form: str) -> Settings:
    """The settings of a form with the best validation AUC."""
    trials = [json.loads(k) for k in found]
    own = [t for t in trials if t[0] == form and t[2] == 0]
    settings: Settings = max(own, key=lambda t: found[key(*t)]["validation_auc"])[1]
    return settings


def key(form: str, settings: Settings, seed: int) -> str:
    """Name of a run in the file."""
    return json.dumps([form, dict(sorted(settings.items())), seed])


class Runs:
    """Runs each trial once, until the time is over.

    Args:
        measure: From form, settings and seed to the numbers.
        path: Where runs are kept.
        minutes: After these no run starts.
    """

    def __init__(
        self, measure: Callable[..., Result], path: Path | None, minutes: float
    ) -> None:
        self.measure, self.path = measure, path
        self.end = time.monotonic() + 60 * minutes
        lines = path.read_text().splitlines() if path and path.exists() else []
        self.found: dict[str, Result] = dict(map(json.loads, lines))

    def __call__(self, form: str, settings: Settings, seed: int) -> None:
        name = key(form, settings, seed)
        if name in self.found or time.monotonic() > self.end:
            return
        self.found[name] = self.measure(form, settings, seed)
        Console(stderr=True).print(name, self.found[name], soft_wrap=True)
        if self.path:
            with self.path.open("a") as file:
                file.write(json.dumps([name, self.found[name]]) + "\n")


def search(runs: Runs, seeds: int) -> None:
    """Both rounds, then the other seeds of what was chosen."""
    for form, settings in first_round():
        runs(form, settings, 0)
    runs(FORM, combined(runs.found), 0)
    for seed in range(1, seeds):
        for form in (FORM, *PEERS):
            runs(form, chosen(runs.found, form), seed)


def report(found: dict[str, Result], console: Console) -> None:
    """Validation AUC of each trial; test AUC of what was chosen."""
    table = Table("model", "settings", "validation AUC, one seed", "epochs")
    for name, result in found.items():
        form, settings, seed = json.loads(name)
        if seed == 0:
            texts = ", ".join(f"{k} {v:g}" for k, v in settings.items())
            validation = f"{result['validation_auc']:.4f}"
            table.add_row(form, texts, validation, f"{result['epochs']:g}")
    console.print(table)
    last = Table("model", "chosen", "seeds", "AUC", "AUC, films held back")
    for form in (FORM, *PEERS):
        settings = chosen(found, form)
        runs = [
            found[k] for s in range(SEEDS) if (k := key(form, settings, s)) in found
        ]
        texts = ", ".join(f"{k} {v:g}" for k, v in settings.items())
        numbers = [spread(runs, name, 4) for name in ("auc", "cold_auc")]
        last.add_row(form, texts, str(len(runs)), *numbers)
    console.print(last)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, help="keep runs here, and go on from it")
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--quick", action="store_true", help="one epoch, few runs")
    options = parser.parse_args()
    if not VECTORS.exists():
        print(f"{VECTORS} is missing: nothing is measured.")  # and `make bench` goes on
        return
    data = movielens_100k()
    vectors, films = tables(data), held_back(data)
    data = without(data, films)
    epochs = 1 if options.quick else EPOCHS

    def measure(form: str, settings: dict[str, Any], seed: int) -> Result:
        more = dict(settings)
        rate = more.pop("rate")
        return run(form, data, vectors, films, seed, epochs, rate, more)

    runs = Runs(measure, options.runs, options.minutes)
    if options.quick:
        for form in (FORM, *PEERS):
            runs(form, START if form == FORM else {"rate": RATE}, 0)
    else:
        search(runs, SEEDS)
    report(runs.found, Console(width=160))


if __name__ == "__main__":
    main()
