"""What a time-aware LSTM costs beside the LSTM of Keras, in one run.

Both read the same history of the same width. Runs alternate, so that noise of the
machine hits both. `fit` trains with the compiled kernels where they are (`tfctr
kernels`); inference never has them, nor has what XLA compiles.

    python benchmarks/tlsi_cost.py --json build/tlsi_cost.json \
        --page docs/results/tlsi_cost.md
    python benchmarks/tlsi_cost.py --quick
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from tfctr import kernels, native
from tfctr.layers import TimeAwareLSTM

# batch, time, width; the width of the paper is 36.
SIZES = ((512, 50, 16), (512, 50, 36), (128, 100, 36))
FEATURES = 8
TARGET = 1.5
# What is timed: with gradients or not, with tfctr's kernels, by XLA.
MODES = {
    "training in fit": {"trains": True, "has_kernels": True, "is_xla": False},
    "training, plain": {"trains": True, "has_kernels": False, "is_xla": False},
    "training, XLA": {"trains": True, "has_kernels": False, "is_xla": True},
    "inference": {"trains": False, "has_kernels": False, "is_xla": False},
    "inference, XLA": {"trains": False, "has_kernels": False, "is_xla": True},
}
HEADERS = (
    "batch",
    "time",
    "width",
    "histories",
    "what",
    "Keras LSTM, ms",
    "TimeAwareLSTM, ms",
    "ratio",
)


def step(
    forward: Callable[[Any], Any],
    layer: Any,
    *,
    trains: bool,
    has_kernels: bool,
    is_xla: bool,
) -> Any:
    """A compiled function: the states, or the gradient of inputs and weights."""

    @tf.function(jit_compile=is_xla, autograph=False)
    def gradients(events: Any) -> Any:
        with kernels.xla(is_xla), kernels.compiled(has_kernels):
            if not trains:
                return [forward(events)]
            with tf.GradientTape() as tape:
                tape.watch(events)
                loss = tf.reduce_sum(forward(events) ** 2)
            weights = [weight.value for weight in layer.trainable_weights]
            return tape.gradient(loss, [events, *weights])

    return gradients


def measure(
    size: tuple[int, int, int], is_full: bool, what: str, runs: int
) -> dict[str, Any]:
    """Medians of alternating steps, in milliseconds."""
    mode = MODES[what]
    batch, length, width = size
    rng = np.random.default_rng(0)
    events = tf.constant(rng.normal(size=size), tf.float32)
    times = tf.constant(rng.random((batch, length, FEATURES)), tf.float32)
    lengths = np.full(batch, length) if is_full else rng.integers(1, length, batch)
    mask = tf.constant(np.arange(length)[None] < lengths[:, None])
    ours = TimeAwareLSTM(width)
    theirs = keras.layers.LSTM(width, return_sequences=True)
    ours(events, times, times)
    theirs(events)
    # Without padding, Keras has no mask to look at.
    given = None if is_full else mask
    steps = {
        "keras_ms": step(lambda x: theirs(x, mask=given), theirs, **mode),
        "tfctr_ms": step(
            lambda x: ours(x, times, times, events_mask=given), ours, **mode
        ),
    }
    found: dict[str, list[float]] = {name: [] for name in steps}
    for count in range(runs + 1):
        for name, function in steps.items():
            started = time.perf_counter()
            function(events)[0].numpy()
            if count:  # the first one traces
                found[name].append(1e3 * (time.perf_counter() - started))
    medians = {name: statistics.median(values) for name, values in found.items()}
    return {
        "batch": batch,
        "time": length,
        "width": width,
        "histories": "full" if is_full else "1 to full",
        "what": what,
        **medians,
        "ratio": medians["tfctr_ms"] / medians["keras_ms"],
    }


def cells(row: dict[str, Any]) -> list[str]:
    """One line of the table."""
    return [
        *(str(row[n]) for n in ("batch", "time", "width", "histories", "what")),
        f"{row['keras_ms']:.1f}",
        f"{row['tfctr_ms']:.1f}",
        f"{row['ratio']:.2f}",
    ]


def page(rows: list[dict[str, Any]]) -> str:
    """The page under docs/results/."""
    lines = [
        "# Cost of the time-aware LSTM",
        "",
        f"Printed by `benchmarks/tlsi_cost.py` on {machine()}.",
        "",
        "One layer on the same events; training is forward and backward; medians of "
        f"alternating runs. The target is a ratio of at most {TARGET}. `fit` has the "
        "kernels of `tfctr kernels`, "
        + ("which were compiled." if native.is_loaded() else "which were NOT there."),
        "",
        "| " + " | ".join(HEADERS) + " |",
        "|---" * len(HEADERS) + "|",
        *("| " + " | ".join(cells(row)) + " |" for row in rows),
        "",
        verdict(rows),
        "",
    ]
    return "\n".join(lines)


def verdict(rows: list[dict[str, Any]]) -> str:
    """Whether the target is met, for each of what is timed."""
    lines = []
    for what in MODES:
        ratios = [row["ratio"] for row in rows if row["what"] == what]
        if ratios:
            met = sum(ratio <= TARGET for ratio in ratios)
            lines.append(
                f"- {what}: {met} of {len(ratios)} cases within the target, ratios "
                f"{min(ratios):.2f} to {max(ratios):.2f}."
            )
    return "\n".join(lines)


def machine() -> str:
    """The machine, in a few words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one size, few runs")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    options = parser.parse_args()
    sizes, runs = (SIZES[:1], 5) if options.quick else (SIZES, 25)
    rows = [
        measure(size, is_full, what, runs)
        for what in MODES
        for size in sizes
        for is_full in (True, False)
    ]
    shown = Table(*HEADERS)
    for row in rows:
        shown.add_row(*cells(row))
    Console().print(shown)
    print(verdict(rows))
    if options.json:
        options.json.write_text(
            json.dumps({"machine": machine(), "rows": rows}, indent=1)
        )
    if options.page:
        options.page.write_text(page(rows))


if __name__ == "__main__":
    main()
