"""Whole users of a small made-up log, and their events one by one."""

import numpy as np

from tests.features.shop import small_schema
from tfctr.features import Categorical, Label, Numeric, Sequence, Timestamp

SCHEMA = small_schema(
    user=[Categorical("user_id"), Numeric("age")],
    item=[Categorical("item_id"), Categorical("category"), Numeric("price")],
    context=[Timestamp("time")],
    sequences=[
        Sequence(
            "history",
            (
                Categorical("item_id"),
                Categorical("category"),
                Categorical("action"),
                Numeric("seconds_watched"),
            ),
            Timestamp("time"),
            action="action",
            max_length=6,
        )
    ],
    timestamp="time",
    labels=[Label("click"), Label("buy")],
).with_sizes({"user_id": 9, "item_id": 12, "category": 5, "action": 4})
EVENTS = [c.name for c in SCHEMA.encoded_columns(["sequence"])]
DAY = 86_400


def users(size=5, length=6, seed=0, schema=SCHEMA):
    """Encoded users `(size, length)`, from empty to full, oldest event first."""
    rng = np.random.default_rng(seed)
    counts = np.arange(size) * length // max(size - 1, 1)
    padding = np.arange(length)[None] >= counts[:, None]
    x = {
        "user_id": rng.integers(1, 9, size).astype("int32"),
        "age": rng.normal(size=size).astype("float32"),
    }
    for name in (f.name for f in schema.sequences[0].features):
        column = f"history_{name}"
        if name == "seconds_watched":
            values = rng.normal(size=(size, length)).astype("float32")
        else:
            rows = schema.size(name)
            values = rng.integers(1, rows, (size, length)).astype("int32")
        x[column] = np.where(padding, 0, values).astype(values.dtype)
    gaps = rng.integers(1, 9 * DAY, (size, length))
    times = 1_600_000_000 + np.cumsum(gaps, axis=1)
    x["history_time"] = np.where(padding, -1, times)
    return x


def request_at(x, place, visible=None):
    """The pointwise rows of the event at `place`: what the user did before it."""
    known = np.arange(x["history_item_id"].shape[1])[None] < (
        place if visible is None else visible[:, place : place + 1]
    )
    row = {name: value for name, value in x.items() if name not in EVENTS}
    for name in EVENTS:
        missing = -1 if name == "history_time" else 0
        row[name] = np.where(known, x[name], missing).astype(x[name].dtype)
    return {
        **row,
        "item_id": x["history_item_id"][:, place],
        "category": x["history_category"][:, place],
        "price": np.zeros(len(known), "float32"),
        "time": x["history_time"][:, place],
    }
