"""Tests of `tfctr.pipelines.beam.early_positives`."""

import dataclasses

import apache_beam as beam
import pandas as pd
import pytest

from tests.pipelines.logs import SPEC, make_schema, make_tables, write_tables
from tfctr.data.examples import build_examples
from tfctr.errors import InputError
from tfctr.pipelines.beam.early_positives import TIME, EarlyPositives

SCHEMA = make_schema()
EARLY = dataclasses.replace(SPEC, history_only_fraction=0.4)


@pytest.fixture(scope="module")
def made():
    return make_tables(80, 0)


@pytest.fixture
def log(made, tmp_path):
    return EarlyPositives.of(SCHEMA, EARLY, write_tables(made, tmp_path, "csv"), "|")


def test_rows_are_the_positives_that_have_no_examples(made, log, tmp_path):
    file = tmp_path / "positives.parquet"
    frame = log.read(["item", "user", "genres", "device"], beam.Pipeline, str(file))
    assert not file.exists()
    tables = [made[name] for name in ("events", "users", "items")]
    # Each event once, without what is drawn: by the whole log less the late part.
    rules = {"negatives_per_positive": 0}
    whole, late = (
        pd.concat(
            build_examples(*tables, SCHEMA, dataclasses.replace(spec, **rules)).values()
        )
        for spec in (SPEC, EARLY)
    )
    expected = whole[(whole["at"] < late["at"].min()) & (whole["like"] == 1)]
    assert 5 < len(frame) == len(expected) < len(whole)
    assert frame[TIME].is_monotonic_increasing
    plain = [
        sorted(
            (str(i), str(u), *map(str, g), str(d))
            for i, u, g, d in zip(
                rows["item"], rows["user"], rows["genres"], rows["device"], strict=True
            )
        )
        for rows in (frame, expected)
    ]
    assert plain[0] == plain[1]


def test_a_share_without_events_gives_no_rows(made, tmp_path):
    none = dataclasses.replace(SPEC, history_only_fraction=0.001)
    log = EarlyPositives.of(SCHEMA, none, write_tables(made, tmp_path, "parquet"))
    frame = log.read(["item"], beam.Pipeline, str(tmp_path / "positives.parquet"))
    assert list(frame) == ["item", TIME]
    assert not len(frame)


def test_histories_are_not_read(log, tmp_path):
    with pytest.raises(InputError, match=r"`id_pretraining\.arguments`.*of a history"):
        log.read(["history_item"], beam.Pipeline, str(tmp_path / "positives.parquet"))


def test_bad_cells_are_named(made, tmp_path):
    events = made["events"].assign(rating="many")
    paths = write_tables({**made, "events": events}, tmp_path, "csv")
    log = EarlyPositives.of(SCHEMA, EARLY, paths)
    with pytest.raises(InputError, match=r"`rating`.*many"):
        log.read(["item"], beam.Pipeline, str(tmp_path / "positives.parquet"))
