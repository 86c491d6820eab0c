"""The table on the terminal, and the page under `docs/results/`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.table import Table

from peer_runs.floors import Ceilings, Floor
from peer_runs.summary import MEASURES, Measure, Row, Verdict

__all__ = ["Cost", "floor_lines", "page", "shown"]

METHOD = """\
Every run is a process of its own, on one or two cores by `taskset` and the library's
own thread settings, on the same arrays. Each round runs every library once, so that
noise of the machine meets all. Cells are medians over the runs, with the least and the
greatest. A peer's run of more than {patience:.0f} s is not repeated.

- **steady**: examples per wall second; the first {skip} steps and the last are left out
  (of the workload with 1,000,000 values the first two).
- **CPU-s**: the same per second of CPU time of the whole process.
- **first epoch**: all rows over the time of the `fit` call, start-up and tracing
  included; imports are not, nor is what **prepare** counts: to build the model and to
  bring the arrays into the library's form.
- **predict**: rows per second through the public call, batches of {batch_size:,}: first
  {valid_rows:,} rows again after a first call, then that first call, then all training
  rows.
- **AUC**: on the validation rows after the one epoch. Embeddings start with one
  deviation ({deviation}) everywhere; torch-rechub's DeepFM has no weight a single
  id.
- **peak**: highest resident memory of the process, until it ends.

No library computes metrics or validates while it trains. Attention is ReLU everywhere,
since Dice costs the peers half their speed; torch-rechub's MLPs have batch
normalisation and, in DIN, Dice, which cannot be turned off. keras-rs has blocks but no
models: its rows are hand-written lines (`benchmarks/peer_runs/keras_rs_run.py`).
tfctr, the loaders and the datasets shuffle; ready batches are not shuffled. tfctr
trains with the kernels of `tfctr kernels`, and in a row of its own with TensorFlow's
alone ("plain kernels")."""


class Cost:
    """What a workload costs at least, and what tfctr's step is made of.

    Args:
        floor: Operations and bytes of one example.
        ceilings: What a core of this machine reaches.
        reached: tfctr's examples per CPU second with one thread, if measured.
        parts: CPU microseconds of the parts of tfctr's step; empty if not measured.
    """

    def __init__(
        self,
        floor: Floor,
        ceilings: Ceilings,
        reached: float | None,
        parts: dict[str, float],
    ) -> None:
        self.floor = floor
        self.ceilings = ceilings
        self.reached = reached
        self.parts = parts

    @property
    def floor_rate(self) -> float:
        return self.floor.examples_per_cpu_second(self.ceilings)

    def to_dict(self) -> dict[str, Any]:
        return {
            "floor": vars(self.floor),
            "ceilings": vars(self.ceilings),
            "floor_examples_per_cpu_second": self.floor_rate,
            "tfctr_examples_per_cpu_second": self.reached,
            "tfctr_parts_us": self.parts,
        }


def shown(rows: Sequence[Row], measures: Iterable[Measure] = MEASURES) -> Table:
    """One table of all rows, for the terminal."""
    measures = list(measures)
    table = Table("workload", "cores", "library", *[m.title for m in measures])
    for row in rows:
        cells = [cell(row, measure) for measure in measures]
        name = f"{row.library}, {row.variant}"
        table.add_row(row.workload, str(row.threads), name, *cells)
    return table


def cell(row: Row, measure: Measure) -> str:
    """Median with least and greatest; the error in the first column of a failed row."""
    if not row.values:
        return row.error if measure is MEASURES[0] else ""
    spread = row.values[measure.key]
    text = measure.form.format(spread.median)
    if row.runs == 1:
        return text
    low, high = measure.form.format(spread.low), measure.form.format(spread.high)
    return f"{text} ({low} to {high})"


def floor_lines(costs: dict[str, Cost]) -> Iterator[str]:
    """One sentence a workload: its floor, where we are, and where the time goes."""
    for name, cost in costs.items():
        parts = cost.floor.seconds(cost.ceilings).items()
        least = ", ".join(f"{part} {1e6 * s:.1f}" for part, s in parts if s)
        text = (
            f"{name}: floor {cost.floor_rate:,.0f} examples per CPU second ({least} µs)"
        )
        if cost.reached:
            times = cost.floor_rate / cost.reached
            text += f"; tfctr {cost.reached:,.0f}, {times:.1f} times the floor's time"
        if cost.parts:
            spent = ", ".join(f"{part} {us:.1f}" for part, us in cost.parts.items())
            text += f"; its step: {spent} µs"
        yield text + "."


def page(
    about: dict[str, Any],
    rows: Sequence[Row],
    verdicts: Sequence[Verdict],
    costs: dict[str, Cost],
) -> str:
    """The Markdown page.

    Args:
        about: `command`, `machine`, `versions` and what the method text names.
        rows: All rows.
        verdicts: Targets reached and missed.
        costs: Floors by workload.
    """
    lines = [
        "# Speed against other libraries",
        "",
        f"Written by `{about['command']}` on {about['date']}, on {about['machine']}.",
        f"Versions: {about['versions']}.",
        "",
        METHOD.format(**about),
        "",
        *_targets(verdicts),
    ]
    for workload in dict.fromkeys(row.workload for row in rows):
        lines += [f"## {workload}", "", about["workloads"][workload], ""]
        for threads in sorted({r.threads for r in rows if r.workload == workload}):
            here = [r for r in rows if r.workload == workload and r.threads == threads]
            lines += [*_table(here, threads), ""]
    return "\n".join([*lines, *_floors(costs)]).rstrip() + "\n"


def _targets(verdicts: Sequence[Verdict]) -> Iterator[str]:
    if not verdicts:
        return
    yield "## Targets"
    yield ""
    yield "| tfctr over the fastest peer | reached | at least | fastest peer | met |"
    yield "|---|---|---|---|---|"
    for verdict in verdicts:
        met = "yes" if verdict.is_met else "**no**"
        yield (
            f"| {verdict.target} | {verdict.ratio:.2f} | {verdict.least:.1f} "
            f"| {verdict.peer} | {met} |"
        )
    yield ""


def _table(rows: Sequence[Row], threads: int) -> Iterator[str]:
    yield f"### {'One core' if threads == 1 else f'{threads} cores'}"
    yield ""
    titles = [measure.title for measure in MEASURES]
    yield "| library | " + " | ".join(titles) + " | runs |"
    yield "|---" * (len(MEASURES) + 2) + "|"
    for row in rows:
        cells = [cell(row, measure) for measure in MEASURES]
        name = f"{row.library}, {row.variant}"
        name = f"**{name}**" if row.library == "tfctr" else name
        yield f"| {name} | " + " | ".join(cells) + f" | {row.runs} |"


def _floors(costs: dict[str, Cost]) -> Iterator[str]:
    if not costs:
        return
    yield "## Floors"
    yield ""
    yield (
        "What a workload cannot do without (formulas in "
        "`benchmarks/peer_runs/floors.py`), at the speed that one core of this machine "
        "reaches at its shapes; and where "
        "the CPU time of tfctr's step goes, from steps with ever more of its parts."
    )
    yield ""
    yield from (f"- {line}" for line in floor_lines(costs))
