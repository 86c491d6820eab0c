"""A made-up shop: a schema with every kind of feature, and random raw data of it."""

from typing import Any

import numpy as np
import pandas as pd

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

SCHEMA = FeatureSchema(
    user=(
        Categorical("user_id"),
        Numeric("age"),
        Categorical("interests", vocabulary="category", max_values=3),
    ),
    item=(
        Categorical("item_id"),
        Categorical("category", max_values=2),
        Numeric("price", transform="log_standardize"),
        Vector("picture", dim=3),
        Categorical("brand", dtype="int64"),
    ),
    context=(
        Timestamp("time", time_zone="Europe/Berlin", calendar=("hour", "weekday")),
        Categorical("device"),
        Numeric("distance", transform="none"),
    ),
    # The name of one is the beginning of the other's.
    sequences=(
        Sequence(
            "history",
            features=(
                Categorical("item_id"),
                Categorical("category", max_values=2),
                Categorical("action"),
                Numeric("price", transform="log_standardize"),
                Vector("picture", dim=3),
            ),
            timestamp=Timestamp("time", calendar=("month",)),
            action="action",
            max_length=4,
        ),
        Sequence("history_long", features=(Categorical("item_id"),), max_length=6),
    ),
    labels=(Label("click"), Label("buy", observed_if="click", weight="buy_weight")),
    user_id="user_id",
    item_id="item_id",
    timestamp="time",
    vocabularies=(
        Vocabulary("item_id", min_count=2, num_oov=2),
        Vocabulary("brand", num_hash_buckets=5),
        Vocabulary("device", values=("phone", "desk top"), num_oov=3),
    ),
)
ACTIONS = np.array(["view", "cart", "", "größer"], object)
CATEGORIES = np.array(["toys", "books", "", "garden", "jeux d'été"], object)
DEVICES = np.array(["phone", "desk top", "watch", ""], object)


def small_schema(**changes: Any) -> FeatureSchema:
    """Users, items and a click, and what is changed."""
    fields: dict[str, Any] = {
        "user": [Categorical("user_id")],
        "item": [Categorical("item_id")],
        "labels": [Label("click")],
        "user_id": "user_id",
        "item_id": "item_id",
    }
    return FeatureSchema(**{**fields, **changes})


def shop_items(count: int = 8, seed: int = 0) -> pd.DataFrame:
    """Items `i0, i1, ...` with a title for display; some know nothing but their id."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "item_id": f"i{k}",
            "category": list(rng.choice(CATEGORIES, rng.integers(0, 4))),
            "price": float(rng.uniform(0, 50)),
            "picture": rng.normal(size=3).tolist(),
            "brand": int(rng.integers(0, 20)),
            "title": f"Item {k}",
        }
        for k in range(count)
    ]
    for row in rows[::5]:
        row.update(category=None, price=float("nan"), picture=None, brand=-1)
    return pd.DataFrame(rows)


def shop_frame(count: int = 40, seed: int = 0, items: int = 8) -> pd.DataFrame:
    """Raw examples; histories are from empty to longer than any sequence keeps."""
    rng = np.random.default_rng(seed)
    known = shop_items(items)
    rows = []
    for _ in range(count):
        item = known.iloc[rng.integers(0, items)].to_dict()
        del item["title"]
        events = [
            known.iloc[k].to_dict() for k in rng.integers(0, items, rng.integers(0, 9))
        ]
        length = len(events)
        rows.append(
            {
                "user_id": f"u{rng.integers(0, 6)}" if rng.random() < 0.9 else None,
                "age": float(rng.integers(18, 80)) if rng.random() < 0.8 else None,
                "interests": list(rng.choice(CATEGORIES, rng.integers(0, 5))),
                **item,
                "time": int(rng.integers(1_500_000_000, 1_700_000_000)),
                "device": rng.choice(DEVICES),
                "distance": float(rng.normal()) if rng.random() < 0.8 else None,
                "history_item_id": [event["item_id"] for event in events],
                "history_category": [event["category"] or [] for event in events],
                "history_action": list(rng.choice(ACTIONS, length)),
                "history_price": [event["price"] for event in events],
                "history_picture": [event["picture"] or [] for event in events],
                "history_time": rng.integers(10**9, 15 * 10**8, length).tolist(),
                "history_long_item_id": [event["item_id"] for event in events],
                "click": float(rng.integers(0, 2)),
                "buy": float(rng.integers(0, 2)),
                "buy_weight": float(rng.uniform(0.5, 2)),
            }
        )
    return pd.DataFrame(rows)
