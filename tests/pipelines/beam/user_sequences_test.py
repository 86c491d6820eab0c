"""Tests of `tfctr.pipelines.beam.user_sequences`: what pandas makes."""

import dataclasses
import tempfile
from collections import Counter
from pathlib import Path

import apache_beam as beam
import numpy as np
import pandas as pd
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.pipelines.beam.behaviour_examples_test import _plain
from tests.pipelines.logs import SPEC, make_schema, make_tables, write_tables
from tfctr.data import build_user_sequences
from tfctr.data.behaviour import SPLITS
from tfctr.errors import InputError
from tfctr.pipelines.beam import BehaviourExamples, raw_tables
from tfctr.pipelines.beam.events import count_event, plan_splits
from tfctr.pipelines.beam.reading import events_of_frame, rows_of_frame
from tfctr.pipelines.beam.user_sequences import UserSequences

SCHEMA = make_schema(ripeness=None)
NAMES = [c.name for c in SCHEMA.raw_columns(("user", "sequence"))]
TARGETS = ["like", "finish", "like_sample_weight", "finish_sample_weight"]


def canonical(row):
    """A row as text that is equal where the rows are."""
    assert sorted(row) == sorted([*NAMES, "history_visible", *TARGETS])
    return repr([(n, _plain(row[n])) for n in (*NAMES, "history_visible", *TARGETS)])


def by_pandas(tables, spec=SPEC, **arguments):
    frames = build_user_sequences(
        tables["events"], tables["users"], tables["items"], SCHEMA, spec, **arguments
    )
    return {
        split: sorted(map(canonical, frame.to_dict("records")))
        for split, frame in frames.items()
    }


def test_beam_makes_the_rows_that_pandas_makes(tmp_path):
    made = make_tables(60, 0)
    tables, sources = raw_tables(SCHEMA, SPEC, write_tables(made, tmp_path, "parquet"))
    expected = by_pandas(made, max_events=12, weighting="user")
    assert all(expected.values())
    make = UserSequences(SCHEMA, SPEC, sources, max_events=12, weighting="user")
    with beam.Pipeline() as pipeline:
        splits = pipeline | BehaviourExamples(SCHEMA, SPEC, tables, sources, make)
        for name, rows in splits.items():
            texts = rows | f"Text_{name}" >> beam.Map(canonical)
            assert_that(texts, equal_to(expected[name]), label=f"Check_{name}")


@settings(max_examples=25, deadline=None)
@given(
    num_events=st.integers(12, 60),
    seed=st.integers(0, 10_000),
    span=st.sampled_from([6, 40, 4000]),
    max_events=st.integers(5, 30),
    weighting=st.sampled_from(["target", "user"]),
    early=st.sampled_from([0, 0.4]),
)
def test_any_log_gives_what_pandas_gives(
    num_events, seed, span, max_events, weighting, early
):
    made = make_tables(num_events, seed, users=4, span=span)
    # Repeated events are told apart by what labels look at; so are their weights here.
    made["events"]["minutes"] = made["events"]["rating"].astype(float)
    spec = dataclasses.replace(SPEC, history_only_fraction=early)
    settings = {"spec": spec, "max_events": max_events, "weighting": weighting}
    try:
        expected = by_pandas(made, **settings)
    except InputError as error:
        assume(error.field == "max_events")  # else labels of one class only
        with pytest.raises(InputError, match=r"`max_events`|leave no event"):
            by_functions(made, **settings)
        return
    assume(all(expected.values()))
    assert by_functions(made, **settings) == expected


def by_functions(made, spec, **arguments):
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
    make = UserSequences(SCHEMA, spec, sources, **arguments)
    found = {name: [] for name in SPLITS}
    for user in {event.user for event in events}:
        own = [event for event in events if event.user == user]
        np.random.default_rng(len(own)).shuffle(own)
        rows = make.by_split(own, users.get(user), items, sorted(items), boundaries)
        for split, row in rows:
            found[split].append(canonical(row))
    return {name: sorted(rows) for name, rows in found.items()}
