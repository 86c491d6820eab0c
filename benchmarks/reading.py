"""How many examples a second the readers give, by format.

One thread reads, as in training; the batches are taken and thrown away. "numpy" is
`reader.batches()`, "tf.data" is `reader.dataset()`, which `fit` takes. The figure is
the median over epochs after a first one, which opens files and fills caches.

    python benchmarks/reading.py --json build/reading.json
    python benchmarks/reading.py --quick
"""

import argparse
import json
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from tfctr.data.reading import ExampleReader, read_examples, write_encoded
from tfctr.features import (
    Categorical,
    FeatureSchema,
    Label,
    SchemaState,
    to_examples,
)

FIELDS = 26
VALUES = 10_000
BATCH_SIZE = 4096


def schema() -> FeatureSchema:
    """26 categorical fields and a click."""
    names = [f"field_{k:02}" for k in range(FIELDS)]
    return FeatureSchema(
        user=[Categorical(names[0])],
        item=[Categorical(names[1])],
        context=[Categorical(name) for name in names[2:]],
        labels=[Label("click")],
        user_id=names[0],
        item_id=names[1],
    )


def examples(rows: int) -> pd.DataFrame:
    """Text ids whose counts fall as those of real logs do."""
    rng = np.random.default_rng(0)
    texts = np.array([f"value_{k:06}" for k in range(VALUES)], object)
    columns = {
        column.name: texts[np.minimum(rng.zipf(1.2, rows), VALUES) - 1]
        for column in schema().raw_columns()
    }
    return pd.DataFrame(columns).assign(click=rng.integers(0, 2, rows).astype("f4"))


def write(folder: Path, frame: pd.DataFrame, state: SchemaState) -> dict[str, Path]:
    """The same examples in every format, four files each."""
    paths = {name: folder / name for name in ("parquet", "csv", "tfrecord")}
    paths |= {"tfrecord.gz": folder / "gzip"}
    for path in paths.values():
        path.mkdir()
    # Records take long to write, and as many are read a second whatever their number.
    few = frame[: len(frame) // 8]
    for k in range(4):
        part, small = (f[k::4] for f in (frame, few))
        part.to_parquet(paths["parquet"] / f"{k}.parquet", row_group_size=16_384)
        small.to_csv(paths["csv"] / f"{k}.csv", index=False)
        records = [
            example.SerializeToString()
            for example in to_examples(state.schema, small.to_dict("records"))
        ]
        for kind, ending in (("", "tfrecord"), ("GZIP", "tfrecord.gz")):
            target = paths["tfrecord" if not kind else "tfrecord.gz"] / f"{k}.{ending}"
            with tf.io.TFRecordWriter(str(target), kind) as writer:
                for record in records:
                    writer.write(record)
    paths["encoded"] = folder / "encoded"
    write_encoded(frame, state, paths["encoded"])
    return paths


def datasets(reader: ExampleReader) -> Callable[[int], Iterable[Any]]:
    """One dataset, each iteration over which is an epoch."""
    dataset = reader.dataset()
    return lambda epoch: dataset


def speed(
    reader: ExampleReader, epoch: Callable[[int], Iterable[Any]], times: int
) -> float:
    """Examples a second, the median over epochs."""
    seconds = []
    for number in range(times + 1):
        started = time.perf_counter()
        for _ in epoch(number):
            pass
        seconds.append(time.perf_counter() - started)
    return reader.num_examples / statistics.median(seconds[1:])


def measure(
    paths: dict[str, Path], state: SchemaState, times: int
) -> list[dict[str, Any]]:
    """A row for each format, packed and shuffled."""
    rows = []
    for name in ("encoded", "parquet", "csv", "tfrecord", "tfrecord.gz"):
        started = time.perf_counter()
        reader = read_examples(paths[name], state, BATCH_SIZE, packed=True)
        opening = time.perf_counter() - started
        started = time.perf_counter()
        next(reader.batches())
        first = time.perf_counter() - started
        size = sum(path.stat().st_size for path in paths[name].iterdir())
        rows.append(
            {
                "format": name,
                "examples": reader.num_examples,
                "bytes_per_example": size / reader.num_examples,
                "opening_seconds": opening,
                "first_batch_seconds": first,
                "numpy_examples_per_second": speed(reader, reader.batches, times),
                "tf_data_examples_per_second": speed(reader, datasets(reader), times),
            }
        )
    return rows


def shown(rows: list[dict[str, Any]]) -> Table:
    """The table for people."""
    headers = ("format", "examples", "bytes each", "open s", "first batch s")
    table = Table(*headers, "numpy ex/s", "tf.data ex/s")
    for row in rows:
        values = list(row.values())
        table.add_row(
            values[0],
            f"{values[1] / 1000:,.0f} k",
            f"{values[2]:.0f}",
            *(f"{value:.2f}" for value in values[3:5]),
            *(f"{value / 1000:,.0f} k" for value in values[5:]),
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="Within a minute.")
    arguments = parser.parse_args()
    rows, epochs = arguments.rows, arguments.epochs
    if arguments.quick:
        rows, epochs = 200_000, 2
    with tempfile.TemporaryDirectory() as folder:
        frame = examples(rows)
        state = schema().fit(frame)
        paths = write(Path(folder), frame, state)
        del frame
        measured = measure(paths, state, epochs)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}"
    about = {"machine": machine, "fields": FIELDS, "batch_size": BATCH_SIZE}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    Console().print(shown(measured), about | {"peak_gib": round(peak, 2)})
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({**about, "rows": measured}, indent=2))


if __name__ == "__main__":
    main()
