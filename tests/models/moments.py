"""Encoded rows in which only the moment tells what a user wants next."""

import numpy as np

from tfctr.features import Categorical, FeatureSchema, Label, Sequence, Timestamp

HOUR, DAY = 3600, 86_400
START = 1_704_067_200  # 2024-01-01 UTC
CATEGORIES, WINDOWS, LENGTH = 12, 6, 18


def moment_schema(length: int = LENGTH, time_zone: str = "UTC") -> FeatureSchema:
    """A history of categories with times; users tell nothing."""
    category = Categorical("category")
    return FeatureSchema(
        user=(Categorical("user_id"),),
        item=(category,),
        context=(Timestamp("time", time_zone=time_zone),),
        sequences=(
            Sequence("history", (category,), Timestamp("time"), max_length=length),
        ),
        labels=(Label("click"),),
        user_id="user_id",
        item_id="category",
        timestamp="time",
        sizes={"user_id": 2, "category": 2 + CATEGORIES},
    )


def _rows(history, times, request, positive, negative):
    """Each request with the item that is clicked and with one that is not."""
    twice = {
        "user_id": np.zeros(len(history), "int32"),
        "history_category": (2 + history).astype("int32"),
        "history_time": times.astype("int64"),
        "time": request.astype("int64"),
    }
    x = {name: np.concatenate([value, value]) for name, value in twice.items()}
    x["category"] = (2 + np.concatenate([positive, negative])).astype("int32")
    clicks = np.repeat([1.0, 0.0], len(history)).astype("float32")
    return x, {"click": clicks}


def windows_of_the_day(requests: int, seed: int = 0, length: int = LENGTH):
    """Each user wants one category in each of six windows of four hours.

    One window lies across midnight. The item that is not clicked is that of another
    window in the history: neither content, popularity nor recency tells them apart.
    """
    rng = np.random.default_rng(seed)
    likes = np.argsort(rng.random((requests, CATEGORIES)), axis=1)[:, :WINDOWS]
    request = START + rng.integers(30 * DAY, 60 * DAY, requests)
    ages = np.sort(rng.integers(HOUR, 20 * DAY, (requests, length)), axis=1)[:, ::-1]
    times = request[:, None] - ages

    def window(seconds):
        return (seconds + 2 * HOUR) % DAY // (4 * HOUR)  # the first begins at 22:00

    now, then = window(request), window(times)
    rows = np.arange(requests)
    # The window of now is in the history, and another one too.
    times[:, 0] += (now - then[:, 0]) * 4 * HOUR
    other = then[rows, 1]
    kept = other != now
    history = likes[rows[:, None], window(times)]
    found = history, times, request, likes[rows, now], likes[rows, other]
    return _rows(*(value[kept] for value in found))


def intervals_of_categories(requests: int, seed: int = 0, length: int = 4):
    """Category `k` is wanted again `5 ** k` hours after it was seen last.

    The history has different categories. One of them was seen its own interval ago, and
    is clicked; the other item was seen at the interval of another category. The order
    of events tells something of their age, but not all.
    """
    rng = np.random.default_rng(seed)
    kinds, rows = 5, np.arange(requests)
    history = np.argsort(rng.random((requests, kinds)), axis=1)[:, :length]
    clicked = rng.integers(0, length, requests)
    other = (clicked + rng.integers(1, length, requests)) % length
    positive, negative = history[rows, clicked], history[rows, other]
    seen = (history + rng.integers(1, kinds, history.shape)) % kinds
    seen[rows, clicked] = positive
    ages = (5.0**seen * HOUR * rng.uniform(0.9, 1.1, seen.shape)).astype("int64")
    request = START + rng.integers(60 * DAY, 90 * DAY, requests)
    order = np.argsort(-ages, axis=1)
    found = [np.take_along_axis(value, order, axis=1) for value in (history, ages)]
    history, times = found[0], request[:, None] - found[1]

    def padded(values, fill):
        width = [(0, 0), (0, LENGTH - length)]
        return np.pad(values, width, constant_values=fill)

    return _rows(padded(history, -2), padded(times, -1), request, positive, negative)
