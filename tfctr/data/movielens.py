"""MovieLens-100k by name."""

from pathlib import Path

import pandas as pd

from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.dataset import Dataset
from tfctr.data.download import cached_file
from tfctr.data.examples import build_examples
from tfctr.data.movielens_files import PLACES, Tables, read_archive
from tfctr.errors import InputError
from tfctr.features import (
    Categorical,
    FeatureSchema,
    Label,
    Numeric,
    Sequence,
    Timestamp,
    Vocabulary,
)

__all__ = [
    "MOVIELENS_SPEC",
    "movielens_100k",
    "movielens_schema",
    "movielens_tables",
]

MOVIELENS_SPEC = BehaviourSpec(
    user_key="user_id",
    item_key="item_id",
    time_key="timestamp",
    labels={"like": LabelRule("rating", at_least=4)},
)
NOTE = (
    "MovieLens-100k, GroupLens (Harper and Konstan, 2015). Its terms forbid to"
    " redistribute it: load it where it is needed, never commit it. Times say when a"
    " film was rated, not when it was seen. Split by time, about 85 % of the validation"
    " and test examples come from users without an event in the train part."
)
ROWS = {"events": 100_000, "users": 943, "items": 1_682}


def movielens_schema(history_length: int = 50) -> FeatureSchema:
    """Features of MovieLens-100k; label `like` is a rating of 4 or 5.

    Args:
        history_length: Number of past ratings kept.
    """
    return FeatureSchema(
        user=(
            Categorical("user_id"),
            Categorical("gender"),
            Categorical("occupation"),
            Numeric("age"),
            Categorical("zip_region"),
        ),
        item=(
            Categorical("item_id"),
            Categorical("genres", max_values=6),
            Numeric("release_year"),
        ),
        context=(Timestamp("timestamp", calendar=("hour", "weekday")),),
        sequences=(
            Sequence(
                "history",
                (Categorical("item_id"), Categorical("rating", dtype="int64")),
                timestamp=Timestamp("timestamp"),
                action="rating",
                max_length=history_length,
            ),
        ),
        labels=(Label("like"),),
        user_id="user_id",
        item_id="item_id",
        timestamp="timestamp",
        vocabularies=(Vocabulary("rating", values=("1", "2", "3", "4", "5")),),
    )


def movielens_tables(cache_folder: str | Path | None = None) -> Tables:
    """Raw tables of MovieLens-100k, downloaded at the first call.

    Args:
        cache_folder: Where the archive is kept; `~/.cache/tfctr` by default.

    Returns:
        `events` (user_id, item_id, rating, timestamp), `users` (user_id, age, gender,
        occupation, zip_code, zip_region) and `items` (item_id, title, release_year,
        genres).

    Raises:
        InputError: Neither the official host nor the package registry gave it.
    """
    path = cached_file("movielens_100k", PLACES, cache_folder)
    tables = read_archive(path)
    for (name, rows), table in zip(ROWS.items(), tables, strict=True):
        if len(table) != rows:
            raise InputError(
                f"{name} of {path.name}",
                received=f"{len(table)} rows",
                expected=f"{rows} rows",
            )
    return with_zip_region(tables)


def with_zip_region(tables: Tables) -> Tables:
    """Adds the first character of the ZIP code: a region, or a Canadian province."""
    events, users, items = tables
    return events, users.assign(zip_region=users["zip_code"].str[0]), items


def movielens_100k(
    cache_folder: str | Path | None = None, history_length: int = 50
) -> Dataset:
    """MovieLens-100k: 100,000 ratings of 1,682 films by 943 users, 1997 to 1998.

    Args:
        cache_folder: Where the archive is kept; `~/.cache/tfctr` by default.
        history_length: Number of past ratings kept.

    Returns:
        The data set, split 80/10/10 by global time; `items` has `title` for display.

    Raises:
        InputError: Neither the official host nor the package registry gave it.
    """
    return movielens_dataset(movielens_tables(cache_folder), history_length)


def movielens_dataset(tables: Tables, history_length: int = 50) -> Dataset:
    """The data set made from tables like those of `movielens_tables`."""
    events, users, items = tables
    schema = movielens_schema(history_length)
    parts: dict[str, pd.DataFrame] = build_examples(
        events, users, items, schema, MOVIELENS_SPEC
    )
    return Dataset.learnt(
        schema,
        parts,
        name="movielens_100k",
        events=events,
        users=users,
        items=items,
        note=NOTE,
        spec=MOVIELENS_SPEC,
    )
