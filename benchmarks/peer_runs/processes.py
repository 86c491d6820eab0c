"""One run of one library, in a process of its own on cores of its own."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peer_runs.environments import EnvironmentFailure, interpreter
from peer_runs.libraries import Library
from peer_runs.measure import steady_rates
from peer_runs.workloads import Workload

__all__ = ["Runner"]

BENCHMARKS = Path(__file__).parents[1]
# DeepCTR asks PyPI for its newest version when it is imported; nobody answers here.
OFFLINE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


@dataclass(frozen=True)
class Runner:
    """Runs modules of this package in other processes.

    Args:
        build: Whether missing environments are built.
        timeout: Seconds after which a run is ended.
    """

    build: bool = True
    timeout: float = 300.0

    def run(
        self, library: Library, workload: Workload, threads: int, data: Path
    ) -> dict[str, Any]:
        """What one run measured, or why it could not: always one record."""
        about = {
            "library": library.name,
            "variant": library.variant,
            "workload": workload.name,
            "threads": threads,
        }
        try:
            python = interpreter(library.environment, build=self.build)
            result = self.call(
                [python, "-m", f"peer_runs.{library.module}"],
                {
                    "workload": workload.to_dict(),
                    "folder": str(data),
                    "threads": threads,
                    "arguments": dict(library.arguments),
                },
                library.variables,
            )
        except (EnvironmentFailure, RuntimeError) as failure:
            return {**about, "error": str(failure)}
        if "marks" in result:
            steady, steady_cpu = steady_rates(result.pop("marks"), workload)
            result["steady"], result["steady_cpu"] = steady, steady_cpu
            result["first_epoch"] = workload.rows / result["fit_seconds"]
        return {**about, **result}

    def call(
        self, command: list[Any], case: dict[str, Any], variables: Mapping[str, str]
    ) -> dict[str, Any]:
        """Runs a module on a case and returns the result that it wrote.

        Raises:
            RuntimeError: It failed or took too long; the text is its last line.
        """
        threads = case["threads"]
        cores = sorted(os.sched_getaffinity(0))[:threads]
        pinned = ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]
        environment = {
            **os.environ,
            **OFFLINE,
            "OMP_NUM_THREADS": str(threads),
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **variables,
        }
        with tempfile.TemporaryDirectory() as folder:
            asked, answered = Path(folder, "case.json"), Path(folder, "result.json")
            asked.write_text(json.dumps(case), encoding="utf-8")
            try:
                ended = subprocess.run(
                    [*pinned, asked, answered],
                    cwd=BENCHMARKS,
                    env=environment,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=self.timeout,
                    check=False,
                )
            except subprocess.TimeoutExpired as late:
                raise RuntimeError(f"over {self.timeout:.0f} s") from late
            if ended.returncode:
                lines = ended.stderr.strip().splitlines() or [""]
                raise RuntimeError(f"exit {ended.returncode}: {lines[-1][:200]}")
            result: dict[str, Any] = json.loads(answered.read_text(encoding="utf-8"))
            return result
