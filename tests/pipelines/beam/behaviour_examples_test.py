"""Tests of `tfctr.pipelines.beam.BehaviourExamples`."""

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pandas as pd
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.pipelines.logs import SPEC, make_schema, make_tables, write_tables
from tfctr.data.behaviour import SPLITS
from tfctr.data.examples import build_examples
from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.pipelines.beam import BehaviourExamples, raw_tables
from tfctr.pipelines.beam.events import count_event, plan_splits
from tfctr.pipelines.beam.reading import events_of_frame, rows_of_frame
from tfctr.pipelines.beam.user_examples import UserExamples

SCHEMA = make_schema()
COMING_BACK = dataclasses.replace(
    SPEC, negatives_exclude="now", repeat_negatives_per_positive=2
)
LATE = dataclasses.replace(SPEC, history_only_fraction=0.4)


def canonical(schema: FeatureSchema, row: Mapping[str, Any]) -> str:
    """An example as text that is equal where the examples are."""
    names = [*(c.name for c in schema.raw_columns()), *schema.label_columns()]
    return repr([(name, _plain(row[name])) for name in names])


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple, np.ndarray)):
        cells = [_plain(part) for part in value]
        return [] if cells and all(cell == "missing" for cell in cells) else cells
    if isinstance(value, (float, np.floating)):
        return "missing" if np.isnan(value) else round(float(value), 4)
    return str(value)


def by_pandas(tables: dict[str, pd.DataFrame], spec=SPEC) -> dict[str, list[str]]:
    frames = build_examples(
        tables["events"], tables["users"], tables["items"], SCHEMA, spec
    )
    return {
        split: sorted(canonical(SCHEMA, row) for row in frame.to_dict("records"))
        for split, frame in frames.items()
    }


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("seed", [0, 1])
def test_beam_makes_the_examples_that_pandas_makes(tmp_path, suffix, seed):
    made = make_tables(60, seed)
    tables, sources = raw_tables(SCHEMA, SPEC, write_tables(made, tmp_path, suffix))
    expected = by_pandas(made)
    with beam.Pipeline() as pipeline:
        splits = pipeline | BehaviourExamples(SCHEMA, SPEC, tables, sources)
        for name, rows in splits.items():
            texts = rows | f"Text_{name}" >> beam.Map(lambda r: canonical(SCHEMA, r))
            assert_that(texts, equal_to(expected[name]), label=f"Check_{name}")


@settings(max_examples=25, deadline=None)
@given(
    num_events=st.integers(12, 60),
    seed=st.integers(0, 10_000),
    span=st.sampled_from([6, 40, 4000]),
    users=st.integers(2, 6),
    spec=st.sampled_from([SPEC, COMING_BACK, LATE]),
)
def test_any_log_gives_what_pandas_gives(num_events, seed, span, users, spec):
    made = make_tables(num_events, seed, users=users, span=span)
    try:
        expected = by_pandas(made, spec)
    except InputError:
        assume(False)  # labels of one class only, refused by both
    assume(all(expected.values()))
    assert by_functions(made, spec) == expected


def by_functions(made: dict[str, pd.DataFrame], spec) -> dict[str, list[str]]:
    """What the transforms do, without Beam."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_tables(made, Path(folder), "parquet")
        tables, sources = raw_tables(SCHEMA, spec, paths)
        read = {name: pd.read_parquet(path) for name, path in paths.items()}
    events = events_of_frame(read["events"], tables["events"], spec, "events")
    items = {r["item"]: r for r in rows_of_frame(read["items"], tables["items"], "i")}
    users = {r["user"]: r for r in rows_of_frame(read["users"], tables["users"], "u")}
    counts = Counter(key for event in events for key, _ in count_event(event, SCHEMA))
    boundaries = plan_splits(counts.items(), SCHEMA, spec)
    make = UserExamples(SCHEMA, spec, sources)
    found: dict[str, list[str]] = {name: [] for name in SPLITS}
    for user in {event.user for event in events}:
        own = [event for event in events if event.user == user]
        whole = own, users.get(user), items, sorted(items)
        for split, row in make.by_split(*whole, boundaries):
            found[split].append(canonical(SCHEMA, row))
    return {name: sorted(rows) for name, rows in found.items()}


def test_history_holds_what_was_known_before_the_request_only():
    rows = _rows_of_user_one([(10, "i1"), (13, "i3"), (13, "i2"), (14, "i4")])
    # The lag is two seconds: at 13 only the event at 10 is known, at 14 too.
    assert [row["history_item"] for row in rows] == [[], ["i1"], ["i1"], ["i1"]]


def test_longer_history_keeps_its_end_in_order_of_time_and_item():
    rows = _rows_of_user_one([(1, "i9"), (2, "i3"), (2, "i2"), (3, "i1"), (9, "i4")])
    assert rows[-1]["history_item"] == ["i2", "i3", "i1"]
    assert rows[-1]["history_at"] == [2, 2, 3]


def _rows_of_user_one(log: list[tuple[int, str]]) -> list[dict[str, Any]]:
    made = make_tables(len(log), 0)
    made["events"][["at", "item"]] = pd.DataFrame(log, dtype=object)
    made["events"] = made["events"].assign(user=1, rating=1).astype({"at": "int64"})
    with tempfile.TemporaryDirectory() as folder:
        paths = write_tables(made, Path(folder), "parquet")
        tables, sources = raw_tables(SCHEMA, SPEC, paths)
    events = events_of_frame(made["events"], tables["events"], SPEC, "events")
    make = UserExamples(SCHEMA, SPEC, sources)
    return [row for _, row in make(reversed(events), None, {}, [])]
