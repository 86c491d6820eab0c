"""What two flows cost beside split samples, interleaved tokens and their own floor.

Blocks of one width and depth read users whose events are all real; a training step is
forward and backward. Runs alternate, so that noise of the machine hits all alike.

    python benchmarks/dual_flow_cost.py --json build/dual_flow_cost.json \
        --page docs/results/dual_flow_cost.md
    python benchmarks/dual_flow_cost.py --quick
"""

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from tfctr import kernels
from tfctr.layers import DualFlowBlock, HSTUSettings
from tfctr.layers.sequence.flow_pairs import Pairs, past_pairs, prefix_pairs

DEPTH, HEADS, USERS = 2, 2, 4
POSITIONS, HISTORY, CANDIDATES = 128, 512, 200
SPLIT_TARGET, REQUEST_TARGET = 10, 2
MEMORY_USERS, MEMORY_EVENTS, MEMORY_WIDTH = 32, 512, 64


class Blocks:
    """Blocks of one width, and the three ways to use them.

    Args:
        width: Width of the tokens.
        depth: Number of blocks.
    """

    def __init__(self, width: int, depth: int = DEPTH) -> None:
        settings = HSTUSettings.of(
            "research", {"num_heads": HEADS, "divisor": 512.0, "time_bias": False}
        )
        self.layers = [DualFlowBlock(settings, seed=k) for k in range(depth)]
        for layer in self.layers:
            layer.build((None, None, width))
        # The item tokens of an interleaved sequence see themselves as any other.
        self.plain = {**settings.to_dict(), "diagonal": "none"}

    def weights(self) -> list[Any]:
        """All weights."""
        return [w.value for layer in self.layers for w in layer.trainable_weights]

    def dual(self, real: Any, fake: Any) -> Any:
        """Last states of the fake flow, as DFGR trains."""
        steps = tf.range(tf.shape(fake)[1])[None]
        past, behind = past_pairs(real, None, 0), prefix_pairs(steps, None, None, 0)
        for layer in self.layers[:-1]:
            real, fake = layer.both(real, fake, past, behind)
        keys, values = self.layers[-1].keys_values(real)
        return self.layers[-1].candidates(fake, keys, values, behind)

    def interleaved(self, items: Any, actions: Any) -> Any:
        """Last states of item tokens among twice as many, as MetaGR trains."""
        tokens = tf.reshape(tf.stack([items, actions], 2), interleaved_shape(items))
        pairs = past_pairs(tokens, None, 0)
        for layer in self.layers[:-1]:
            tokens, _, _ = layer.read(tokens, pairs)
        last = self.layers[-1]
        keys, values = last.keys_values(tokens)
        asked = Pairs(pairs.visible[:, ::2], pairs.places[:, ::2])
        made = last.project(tokens[:, ::2])
        found = last.attend(made, keys, values, asked)
        return last.finish(tokens[:, ::2], made.gates, found)

    def split(self, real: Any, fake: Any) -> Any:
        """The same as `dual`, every event a sample with its own history."""
        count = fake.shape[1]
        rows = tf.repeat(real, count, axis=0)
        visible = tf.tile(tf.range(count), [tf.shape(real)[0]])[:, None]
        asked = tf.reshape(fake, (-1, 1, fake.shape[2]))
        return tf.reshape(self.request(rows, asked, visible), tf.shape(fake))

    def request(self, real: Any, fake: Any, visible: Any = None) -> Any:
        """Candidates behind a history: `real` may also be interleaved."""
        if visible is None:
            visible = tf.fill((1, 1), tf.shape(real)[1])
        past, behind = past_pairs(real, None, 0), prefix_pairs(visible, None, None, 0)
        cache = []
        for layer in self.layers[:-1]:
            real, keys, values = layer.read(real, past)
            cache.append((keys, values))
        cache.append(self.layers[-1].keys_values(real))
        return self.answer(cache, fake, behind)

    def answer(self, cache: Sequence[tuple[Any, Any]], fake: Any, pairs: Pairs) -> Any:
        """Candidates behind keys and values at hand."""
        for layer, (keys, values) in zip(self.layers, cache, strict=True):
            fake = layer.candidates(fake, keys, values, pairs)
        return fake

    def floor(self, real: Any, fake: Any) -> Any:
        """The products of `dual` alone: no norm, bias, mask or activation."""
        for place, layer in enumerate(self.layers):
            both = tf.concat([real, fake], axis=1)
            made = tf.matmul(both, layer.uqkv.kernel.value)
            count = tf.shape(real)[1]
            parts = [by_head(p) for p in tf.split(made, 4, axis=-1)]
            _, queries, keys, values = parts
            keys, values = keys[:, :, :count], values[:, :, :count]
            if place == len(self.layers) - 1:
                queries = queries[:, :, count:]
            found = tf.matmul(tf.matmul(queries, keys, transpose_b=True), values)
            found = tf.matmul(flat(found), layer.output_layer.kernel.value)
            if place == len(self.layers) - 1:
                return found
            real, fake = found[:, :count], found[:, count:]
        return fake


def by_head(values: Any) -> Any:
    """`(batch, heads, time, dim)` of `(batch, time, heads * dim)`."""
    shape = (tf.shape(values)[0], tf.shape(values)[1], HEADS, values.shape[2] // HEADS)
    return tf.transpose(tf.reshape(values, shape), (0, 2, 1, 3))


def flat(values: Any) -> Any:
    """`(batch, time, heads * dim)` of `(batch, heads, time, dim)`."""
    _, heads, _, dim = values.shape
    back = tf.transpose(values, (0, 2, 1, 3))
    return tf.reshape(back, (tf.shape(back)[0], tf.shape(back)[1], heads * dim))


def interleaved_shape(items: Any) -> tuple[Any, ...]:
    """Shape of twice as many tokens."""
    return (tf.shape(items)[0], 2 * tf.shape(items)[1], items.shape[2])


def tokens(count: int, width: int, users: int = USERS) -> list[Any]:
    """Two tensors of random tokens."""
    rng = np.random.default_rng(0)
    made = rng.normal(size=(2, users, count, width)).astype("float32")
    return [tf.constant(part) for part in made]


def training(forward: Callable[..., Any], weights: list[Any]) -> Any:
    """A compiled function: the gradients of inputs and weights."""

    @tf.function(autograph=False)
    def step(first: Any, second: Any) -> Any:
        with kernels.xla(False), tf.GradientTape() as tape:
            tape.watch([first, second])
            loss = tf.reduce_sum(forward(first, second) ** 2)
        found = tape.gradient(loss, [first, second, *weights])
        return [tf.reduce_sum(tf.convert_to_tensor(g)) for g in found if g is not None]

    return step


def serving(forward: Callable[..., Any]) -> Any:
    """A compiled function: candidates of a request."""

    @tf.function(autograph=False)
    def step(history: Any, candidates: Any) -> Any:
        with kernels.xla(False):
            return [tf.reduce_sum(forward(history, candidates))]

    return step


def alternating(steps: Mapping[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """Medians of milliseconds."""
    found: dict[str, list[float]] = {name: [] for name in steps}
    for count in range(runs + 1):
        for name, step in steps.items():
            started = time.perf_counter()
            step()[0].numpy()
            if count:  # the first one traces
                found[name].append(1e3 * (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in found.items()}


def train_times(count: int, width: int, runs: int, ways: Sequence[str]) -> Any:
    """Milliseconds of a training step by layout, on users of `count` events."""
    blocks, made = Blocks(width), tokens(count, width)
    steps = {way: training(getattr(blocks, way), blocks.weights()) for way in ways}
    bound = {way: (lambda s=step: s(*made)) for way, step in steps.items()}
    return {"events": count, "width": width, **alternating(bound, runs)}


def request_times(count: int, candidates: int, width: int, runs: int) -> Any:
    """Milliseconds of a request by layout; and with the history at hand."""
    blocks = Blocks(width)
    real, fake = tokens(count, width, 1)[0], tokens(candidates, width, 1)[0]
    twice, step = tokens(2 * count, width, 1)[0], serving(blocks.request)
    cached = {}
    for name, history in (("dual", real), ("interleaved", twice)):
        keys = [layer.keys_values(history) for layer in blocks.layers]
        pairs = prefix_pairs(tf.fill((1, 1), history.shape[1]), None, None, 0)
        answer = serving(lambda _, c, k=keys, p=pairs: blocks.answer(k, c, p))
        cached[f"{name}_cached"] = lambda a=answer: a(real, fake)
    times = alternating(
        {
            "dual": lambda: step(real, fake),
            "interleaved": lambda: step(twice, fake),
            **cached,
        },
        runs,
    )
    return {"events": count, "candidates": candidates, "width": width, **times}


def fit(counts: Sequence[float], times: Sequence[float]) -> tuple[float, float]:
    """Coefficients `a, b >= 0` of `a * n + b * n ** 2`, least squares of ratios."""
    n, t = np.asarray(counts, float), np.asarray(times, float)
    columns = np.stack([n, n**2], axis=1) / t[:, None]
    a, b = np.linalg.lstsq(columns, np.ones(len(n)), rcond=None)[0]
    if a < 0:
        return 0.0, float(1 / np.mean(t / n**2) * np.mean((t / n**2) ** 2))
    return float(a), max(float(b), 0.0)


def peak_memory(way: str, connection: Any) -> None:
    """Sends by how many MB a training step raises the memory of this process."""
    blocks = Blocks(MEMORY_WIDTH)
    step = training(getattr(blocks, way), blocks.weights())
    step(*tokens(8, MEMORY_WIDTH, 1))
    made = tokens(MEMORY_EVENTS, MEMORY_WIDTH, MEMORY_USERS)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _kilobytes("VmRSS")
    step(*made)
    connection.send((_kilobytes("VmHWM") - before) / 1024)


def _kilobytes(name: str) -> int:
    """A line of what Linux knows of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def memory(way: str) -> float:
    """`peak_memory` in a process of its own."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=peak_memory, args=(way, theirs))
    process.start()
    found: float = mine.recv()
    process.join()
    return found


def memory_floor() -> float:
    """MB of the states of both flows, and one score matrix a head and flow."""
    states = 2 * DEPTH * MEMORY_USERS * MEMORY_EVENTS * MEMORY_WIDTH
    scores = 2 * HEADS * MEMORY_USERS * MEMORY_EVENTS**2
    return 4 * (states + scores) / 2**20


def measure(is_quick: bool) -> dict[str, Any]:
    """All numbers of the page."""
    runs = 3 if is_quick else 9
    width, counts = (16, (64, 128, 256)) if is_quick else (32, (128, 256, 512, 1024))
    train = [train_times(n, width, runs, ("dual", "interleaved")) for n in counts]
    requests = [request_times(n, CANDIDATES, width, runs) for n in counts]
    sweep = [
        request_times(HISTORY, m, 64, runs)
        for m in ((50, 200) if is_quick else (50, 100, CANDIDATES, 400, 800))
    ]
    whole = [
        train_times(POSITIONS, w, runs, ("dual", "interleaved", "split", "floor"))
        for w in ((32,) if is_quick else (32, 64))
    ]
    return {
        "machine": machine(),
        "train": train,
        "requests": requests,
        "candidates": sweep,
        "positions": whole,
        "fits": {
            name: {way: fit(*columns(rows, way)) for way in ("dual", "interleaved")}
            for name, rows in (("train", train), ("requests", requests))
        },
        "memory": {"dual": memory("dual"), "floor": memory_floor()}
        | ({} if is_quick else {"interleaved": memory("interleaved")}),
    }


def columns(rows: Sequence[Mapping[str, Any]], way: str) -> tuple[list[float], ...]:
    """Events and times of one layout; what candidates cost is no part of it."""
    cached = [row.get(f"{way}_cached", 0.0) for row in rows]
    times = [max(row[way] - c, 1e-3) for row, c in zip(rows, cached, strict=True)]
    return [row["events"] for row in rows], times


def verdicts(found: Mapping[str, Any]) -> list[str]:
    """Whether the targets are met, and what the fits say."""
    whole = found["positions"][-1]
    split = whole["split"] / whole["dual"]
    request = next(r for r in found["candidates"] if r["candidates"] == CANDIDATES)
    ratio = request["interleaved"] / request["dual"]
    lines = [
        f"One pass over {POSITIONS} positions is {split:.1f} times as fast as as many "
        f"split samples (target: {SPLIT_TARGET}), and takes "
        f"{whole['dual'] / whole['floor']:.1f} times its floor.",
        f"{CANDIDATES} candidates behind {HISTORY} events are scored {ratio:.2f} times "
        f"as fast as interleaved (target: {REQUEST_TARGET}).",
    ]
    for name, what in (("train", "Training"), ("requests", "Reading a history")):
        (a, b), (c, d) = (found["fits"][name][w] for w in ("dual", "interleaved"))
        ratios = [y / x if x else float("inf") for x, y in ((a, c), (b, d))]
        lines.append(
            f"{what}: a = {1e3 * a:.1f} us, b = {1e6 * b:.0f} ns for two flows, "
            f"{1e3 * c:.1f} us and {1e6 * d:.0f} ns interleaved: ratios "
            f"{ratios[0]:.2f} and {ratios[1]:.2f}."
        )
    peak = found["memory"]
    others = ", ".join(f"{n} {v:.0f} MB" for n, v in peak.items() if n != "dual")
    lines.append(
        f"A training step on {MEMORY_USERS} users of {MEMORY_EVENTS} events at width "
        f"{MEMORY_WIDTH} raises memory by {peak['dual']:.0f} MB ({others})."
    )
    return lines


def table(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Header and lines of a list of measurements."""
    cells = [
        [
            f"{value:.1f}" if isinstance(value, float) else str(value)
            for value in r.values()
        ]
        for r in rows
    ]
    return [list(rows[0]), *cells]


TITLES = {
    "train": "Training step on whole users, ms",
    "requests": "Request, ms",
    "candidates": "Request by number of candidates, ms",
    "positions": "Training step on 128 positions, ms",
}


def page(found: Mapping[str, Any]) -> str:
    """The page under docs/results/."""
    lines = [
        "# Cost of two flows",
        "",
        f"Printed by `benchmarks/dual_flow_cost.py` on {found['machine']}.",
        "",
        f"{DEPTH} blocks of {HEADS} heads, {USERS} users a training step, one user a "
        "request, medians of alternating runs. `dual` is DFGR, `interleaved` MetaGR "
        "(item and action tokens, item queries alone in the last block), `split` one "
        "sample an event, `floor` the matrix products of `dual` alone. `cached`: the "
        "history's keys and values are at hand.",
        "",
    ]
    for name, title in TITLES.items():
        head, *cells = table(found[name])
        lines += [f"## {title}", "", "| " + " | ".join(head) + " |"]
        lines += ["|---" * len(head) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in cells] + [""]
    lines += ["## What it says", ""]
    lines += [f"- {line}" for line in verdicts(found)]
    return "\n".join([*lines, ""])


def machine() -> str:
    """The machine, in a few words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few sizes, few runs")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    options = parser.parse_args()
    found = measure(options.quick)
    for name, title in TITLES.items():
        head, *cells = table(found[name])
        shown = Table(*head, title=title)
        for row in cells:
            shown.add_row(*row)
        Console().print(shown)
    print("\n".join(verdicts(found)))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    if options.page:
        options.page.write_text(page(found))


if __name__ == "__main__":
    main()
