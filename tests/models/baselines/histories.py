"""Small histories with planted effects: only order, or only time, tells the label."""

import keras
import numpy as np

from tfctr import models
from tfctr.features import Categorical, FeatureSchema, Label, Sequence, Timestamp
from tfctr.metrics import auc

SCHEMA = FeatureSchema(
    user=(Categorical("user_id"),),
    item=(Categorical("item_id"),),
    context=(Timestamp("time"),),
    sequences=(
        Sequence(
            "history",
            (Categorical("item_id"),),
            timestamp=Timestamp("time"),
            max_length=5,
        ),
    ),
    labels=(Label("click"),),
    user_id="user_id",
    item_id="item_id",
    timestamp="time",
    sizes={"user_id": 2, "item_id": 8},
)
REQUEST = 1_700_000_000
MINUTE, MONTH = 60, 30 * 86_400


def _encoded(events, times, candidate):
    """Histories of the given events, padded at the end."""
    rows, length = events.shape
    padding = [(0, 0), (0, 5 - length)]
    return {
        "user_id": np.ones(rows, "int32"),
        "item_id": candidate.astype("int32"),
        "time": np.full(rows, REQUEST),
        "history_item_id": np.pad(events, padding).astype("int32"),
        "history_time": np.pad(times, padding, constant_values=-1),
    }


def last_event(rows, seed):
    """Every history is the same four items; a click is on the last of them."""
    rng = np.random.default_rng(seed)
    events = rng.permuted(np.tile([2, 3, 4, 5], (rows, 1)), axis=1)
    place = np.where(rng.random(rows) < 0.5, 3, rng.integers(0, 3, rows))
    times = REQUEST - MINUTE * np.arange(4, 0, -1)
    candidate = events[np.arange(rows), place]
    x = _encoded(events, np.tile(times, (rows, 1)), candidate)
    return x, (place == 3).astype("float32")


def time_since(rows, seed):
    """A click is on the last of two items after a minute, on the first after months.

    Every history is the same two items in the same order.
    """
    rng = np.random.default_rng(seed)
    events = np.tile([2, 3], (rows, 1))
    place, is_long_ago = rng.integers(0, 2, rows), rng.integers(0, 2, rows)
    last = REQUEST - np.where(is_long_ago, 3 * MONTH, MINUTE)
    times = np.stack([last - MINUTE, last], axis=1)
    x = _encoded(events, times, events[np.arange(rows), place])
    return x, (place != is_long_ago).astype("float32")


def area_after_training(name, data, *, epochs=14, rows=1500, seed=1, **kwargs):
    """AUC of a small model on new rows of `data`."""
    model = models.get(name)(SCHEMA, dim=8, hidden_units=(16,), seed=seed, **kwargs)
    model.compile(keras.optimizers.Adam(0.02), weighted_metrics=[])
    x, y = data(rows, seed=1)
    # In one order, so that the same is learnt each time.
    model.fit(x, {"click": y}, batch_size=100, epochs=epochs, verbose=0, shuffle=False)
    x, y = data(1000, seed=2)
    logits = model.predict(x)["click"].astype("float64")
    return auc(y, 1 / (1 + np.exp(-logits)))
