"""Small tables, and examples made from them by brute force, straight from the text."""

from typing import Any

import pandas as pd

from tfctr.data import BehaviourSpec, LabelRule
from tfctr.features import (
    Categorical,
    FeatureSchema,
    Label,
    Numeric,
    Sequence,
    Timestamp,
)

SPEC = BehaviourSpec(
    user_key="user_id",
    item_key="item_id",
    time_key="timestamp",
    labels={"like": LabelRule("rating", at_least=4)},
)


def schema(max_length: int = 3) -> FeatureSchema:
    """Users with an age, items with genres, a history of rated items."""
    return FeatureSchema(
        user=[Categorical("user_id"), Numeric("age")],
        item=[Categorical("item_id"), Categorical("genres", max_values=2)],
        context=[Timestamp("timestamp"), Categorical("device")],
        sequences=[
            Sequence(
                "history",
                [
                    Categorical("item_id"),
                    Categorical("genres", max_values=2),
                    Categorical("rating", dtype="int64"),
                ],
                timestamp=Timestamp("timestamp"),
                max_length=max_length,
            )
        ],
        labels=[Label("like")],
        user_id="user_id",
        item_id="item_id",
        timestamp="timestamp",
    )


USERS = pd.DataFrame({"user_id": ["u0", "u1", "u2"], "age": [20.0, 30.0, 40.0]})
ITEMS = pd.DataFrame(
    {
        "item_id": [f"i{n}" for n in range(8)],
        "genres": [["a"], ["b"], ["a", "b"], [], ["c"], ["a"], ["b"], ["c", "a"]],
        "title": [f"Title {n}" for n in range(8)],
    }
)


def events(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    """A log of (user, time, item, rating)."""
    columns = ["user_id", "timestamp", "item_id", "rating"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame[["user_id", "item_id", "rating", "timestamp"]].assign(device="phone")


EVENTS = events(
    *((f"u{n % 3}", 1_000 + 10 * n, f"i{n * 5 % 8}", n % 5 + 1) for n in range(30))
)


def past(log: list[dict[str, Any]], request: dict[str, Any], lag: int, length: int):
    """History of a request, found by looking at every event of the log."""
    known = [
        event
        for event in log
        if event["user_id"] == request["user_id"]
        and event["timestamp"] < request["timestamp"] - lag
    ]
    known.sort(key=lambda e: (e["timestamp"], e["item_id"], e["rating"]))
    return known[max(0, len(known) - length) :]


def split_name(log: list[dict[str, Any]], time: int, train: float, both: float):
    """Split of a time, from the sorted times of the whole log."""
    times = sorted(event["timestamp"] for event in log)
    first, second = (int(fraction * len(times) + 1e-6) for fraction in (train, both))
    if first == len(times) or time < times[first]:
        return "train"
    return "validation" if second == len(times) or time < times[second] else "test"
