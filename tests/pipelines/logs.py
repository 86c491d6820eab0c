"""A small log with every kind of feature, shared by the tests of the pipeline."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.features import (
    Categorical,
    FeatureSchema,
    Label,
    Numeric,
    Sequence,
    Timestamp,
    Vector,
    Vocabulary,
)

GENRES = ("war", "comedy", "drama")
SPEC = BehaviourSpec(
    user_key="user",
    item_key="item",
    time_key="at",
    labels={
        "like": LabelRule("rating", at_least=4),
        "finish": LabelRule("finished", equals="yes"),
    },
    negatives_per_positive=1,
    history_lag_seconds=2,
    seed=3,
)


def make_schema(max_length: int = 3, ripeness: str | None = "ripe") -> FeatureSchema:
    """A schema with every kind of feature in every role.

    User sequences have no labels that ripen: theirs is made with `ripeness=None`.
    """
    return FeatureSchema(
        user=[
            Categorical("user", "int64"),
            Categorical("job"),
            Numeric("age", "log_standardize"),
        ],
        item=[
            Categorical("item"),
            Categorical("genres", max_values=2, vocabulary="genre"),
            Vector("image", 2),
            Numeric("price"),
        ],
        context=[
            Timestamp("at", calendar=("hour",)),
            Categorical("device", vocabulary="device"),
        ],
        sequences=[
            Sequence(
                "history",
                [
                    Categorical("item"),
                    Categorical("genres", max_values=2, vocabulary="genre"),
                    Categorical("rating", "int64"),
                    Numeric("price"),
                ],
                Timestamp("at"),
                max_length=max_length,
            )
        ],
        labels=[
            Label("like"),
            Label("finish", observed_if="like", weight="minutes", ripeness=ripeness),
        ],
        user_id="user",
        item_id="item",
        timestamp="at",
        vocabularies=[
            Vocabulary("device", values=("phone", "web")),
            Vocabulary("genre", min_count=2),
        ],
    )


def make_small_schema() -> FeatureSchema:
    """What a whole pipeline needs at least; the columns are those of `make_tables`."""
    return FeatureSchema(
        user=[Categorical("user", "int64"), Categorical("job")],
        item=[Categorical("item"), Numeric("price")],
        context=[Timestamp("at"), Categorical("device")],
        sequences=[Sequence("history", [Categorical("item")], max_length=3)],
        labels=[Label("like")],
        user_id="user",
        item_id="item",
        timestamp="at",
        vocabularies=[Vocabulary("device", values=("phone", "web", "tv"))],
    )


def make_tables(
    num_events: int, seed: int, *, users: int = 5, items: int = 8, span: int = 60
) -> dict[str, pd.DataFrame]:
    """Events in random order with ties and repeats, users and items with gaps."""
    rng = np.random.default_rng(seed)
    events = pd.DataFrame(
        {
            "user": rng.integers(1, users + 1, num_events),
            "item": [f"i{n}" for n in rng.integers(0, items, num_events)],
            "at": 1_000_000_000 + rng.integers(0, span, num_events),
            "rating": rng.integers(1, 6, num_events),
            "finished": rng.choice(["yes", "no"], num_events),
            "minutes": rng.integers(1, 9, num_events).astype(float),
            "device": rng.choice(["phone", "web", "tv", ""], num_events),
            "ripe": rng.integers(0, 5, num_events) / 4,
        }
    )
    return {
        "events": events.sample(frac=1, random_state=seed).reset_index(drop=True),
        "users": _users(rng, users),
        "items": _items(rng, items),
    }


def _users(rng: np.random.Generator, users: int) -> pd.DataFrame:
    """The last user has events but no row."""
    return pd.DataFrame(
        {
            "user": np.arange(1, users),
            "job": rng.choice(["cook", "pilot", ""], users - 1),
            "age": rng.choice([20.0, 30.5, np.nan], users - 1),
        }
    )


def _items(rng: np.random.Generator, items: int) -> pd.DataFrame:
    """The first item has events but no row."""
    count = items - 1
    genres = [list(rng.choice(GENRES, rng.integers(0, 3), False)) for _ in range(count)]
    images = [list(rng.normal(size=2).round(3)) for _ in range(count)]
    return pd.DataFrame(
        {
            "item": [f"i{n}" for n in range(1, items)],
            "genres": [[str(genre) for genre in cell] for cell in genres],
            "image": [image if n % 3 else None for n, image in enumerate(images)],
            "price": rng.choice([1.0, 2.5, np.nan], count),
            "title": [f"Title {n}" for n in range(1, items)],
        }
    )


def write_tables(
    tables: dict[str, pd.DataFrame], folder: Path, suffix: str
) -> dict[str, str]:
    """Writes the tables and returns their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, table in tables.items():
        path = folder / f"{name}.{suffix}"
        if suffix == "parquet":
            table.to_parquet(path, index=False)
        else:
            table.map(_csv_cell).to_csv(path, index=False)
        paths[name] = str(path)
    return paths


def _csv_cell(cell: Any) -> Any:
    return "|".join(map(str, cell)) if isinstance(cell, list) else cell
