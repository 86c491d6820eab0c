"""What every library's process does alike: read its case, take times, write a result.

It needs only numpy, which all environments have.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from peer_runs.workloads import Arrays, Workload, load

__all__ = ["Case", "StepClock", "area_under_curve", "run_case", "steady_rates"]


@dataclass(frozen=True)
class Case:
    """What one process is to do, from the file that its first argument names."""

    workload: Workload
    folder: Path
    threads: int
    arguments: dict[str, Any]

    @classmethod
    def from_file(cls, path: str) -> "Case":
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls(
            Workload.from_dict(values["workload"]),
            Path(values["folder"]),
            values["threads"],
            values["arguments"],
        )


@dataclass
class StepClock:
    """Wall and CPU time at the end of each training step.

    Attributes:
        marks: `(steps done, wall seconds, CPU seconds)`, that of the start first.
    """

    marks: list[tuple[int, float, float]] = field(default_factory=list)

    def mark(self, steps: int) -> None:
        self.marks.append((steps, time.perf_counter(), time.process_time()))


@dataclass(frozen=True)
class Trainee:
    """A library's model, ready to be fitted.

    Attributes:
        fit: Trains one epoch; marks the clock before it and after each step.
        predict: Scores `(rows,)` of the features of the given part through the
            library's public call, whatever it does with them beforehand included.
    """

    fit: Callable[[StepClock], Any]
    predict: Callable[[str], np.ndarray]


def run_case(
    make: Callable[[Case, dict[str, Arrays]], Trainee], packages: tuple[str, ...]
) -> None:
    """Runs the case of `sys.argv[1]` and writes the result to `sys.argv[2]`.

    Args:
        make: Builds and compiles the model and prepares its input.
        packages: Distributions whose versions the result names.
    """
    case = Case.from_file(sys.argv[1])
    parts = {part: load(case.folder, part) for part in ("train", "valid")}
    started = time.perf_counter()
    trainee = make(case, parts)
    prepare_seconds = time.perf_counter() - started
    clock = StepClock()
    started = time.perf_counter()
    trainee.fit(clock)
    fit_seconds = time.perf_counter() - started
    result = {
        "marks": clock.marks,
        "prepare_seconds": prepare_seconds,
        "fit_seconds": fit_seconds,
        **predictions(case, trainee, parts),
        "peak_rss_mb": peak_rss_mb(),
        "load_average": os.getloadavg()[0],
        "versions": {name: version(name) for name in packages},
    }
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")


def predictions(
    case: Case, trainee: Trainee, parts: dict[str, Arrays]
) -> dict[str, Any]:
    """Rows per second of the first and the second call, and of all training rows."""
    rates, scores = [], np.empty(0)
    for part in ("valid", "valid", "train"):
        started = time.perf_counter()
        found = np.asarray(trainee.predict(part)).reshape(-1)
        rates.append(len(found) / (time.perf_counter() - started))
        if len(found) != len(parts[part].label):
            raise SystemExit(f"{len(found)} scores of {len(parts[part].label)} rows")
        scores = found if part == "valid" else scores
    if not np.isfinite(scores).all():
        raise SystemExit("some scores are not finite")
    return {
        "auc": area_under_curve(parts["valid"].label, scores),
        "predict_first": rates[0],
        "predict_second": rates[1],
        "predict_all": rates[2],
    }


def steady_rates(
    marks: list[tuple[int, float, float]], workload: Workload
) -> tuple[float, float]:
    """Examples per wall second and per CPU second, first steps and the last left out.

    Args:
        marks: The marks of a `StepClock`; several steps between two are fine.
        workload: Says how many first steps to leave out.
    """
    last = max(mark[0] for mark in marks) - 1
    kept = [mark for mark in marks if workload.skip <= mark[0] <= last]
    if len(kept) < 2:
        return float("nan"), float("nan")
    (first, wall, cpu), (end, end_wall, end_cpu) = kept[0], kept[-1]
    examples = (end - first) * workload.batch_size
    return examples / (end_wall - wall), examples / max(end_cpu - cpu, 1e-9)


def area_under_curve(label: np.ndarray, score: np.ndarray) -> float:
    """AUC from mean ranks, ties counted half."""
    _, places, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places.reshape(-1)]
    positive = label == 1
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if not num_positive or not num_negative:
        return float("nan")
    above = ranks[positive].sum() - num_positive * (num_positive + 1) / 2
    return float(above / (num_positive * num_negative))


def peak_rss_mb() -> float:
    """Highest resident memory of this process.

    From `/proc`, since `getrusage` starts from what the parent held before `exec`.
    """
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")
