"""Tests of `tfctr.models.TimeLSTM`."""

import math
from itertools import pairwise

import numpy as np
import pytest

from tests.features.shop import small_schema
from tests.models.baselines.histories import SCHEMA, area_after_training, time_since
from tests.models.data import SIZED, USER_ROLES, made, part, rows
from tfctr import models
from tfctr.errors import InputError
from tfctr.features import Categorical, Sequence, Timestamp
from tfctr.testing import make_batch

X, _ = make_batch(SCHEMA, 8)
LENGTHS = (X["history_item_id"] != 0).sum(axis=1)
SIZES = {"user_id": 5, "item_id": 9}
timed_model = pytest.mark.parametrize("name", ["TimeLSTM", "SLiRec"])


def seconds_since(earlier, later):
    """The scale of intervals, by hand: 0 for missing times and wrong order."""
    if earlier < 0 or later < earlier:
        return 0.0
    return math.log(1 + int(later) - int(earlier)) / math.log(86_401)


def test_state_is_that_of_the_layer_on_the_intervals_to_come():
    model = made("TimeLSTM", SCHEMA)
    state = model.encode_user(part(X, USER_ROLES, SCHEMA))["history/interest"]
    events = model.embeddings(X)["history_item_id"].numpy()
    layer = model.recurrences["history"]
    for row, length in enumerate(LENGTHS):
        if not length:
            np.testing.assert_array_equal(state[row], np.zeros(4))
            continue
        times = [*X["history_time"][row, :length], X["time"][row]]
        intervals = [[seconds_since(*pair) for pair in pairwise(times)]]
        alone = layer(events[[row], :length], np.array(intervals, "float32"))
        np.testing.assert_allclose(state[row], alone[0], rtol=1e-4, atol=1e-5)


def test_schema_without_times_is_refused():
    history = Sequence("history", (Categorical("item_id"),), max_length=3)
    timed = {"context": [Timestamp("time")], "timestamp": "time"}
    for changes, text in (
        ({}, "`timestamp`: received none"),
        (timed, "`sequences`: received none with a timestamp"),
    ):
        schema = small_schema(sequences=[history], **changes).with_sizes(SIZES)
        for name in ("TimeLSTM", "SLiRec"):
            with pytest.raises(InputError, match=text):
                models.get(name)(schema)


@timed_model
def test_unusual_times_are_taken_as_no_interval(name):
    x, _, _ = rows(10)
    model = made(name)
    real = x["history_item_id"] != 0
    for field, times in (
        ("time", np.full_like(x["time"], -1)),
        ("history_time", np.full_like(x["history_time"], -1)),
        ("history_time", x["history_time"] * 1000),  # milliseconds: all after now
        ("history_time", x["history_time"][:, ::-1]),
    ):
        logits = model({**x, field: times})["click"].numpy()
        assert np.isfinite(logits).all()
        if field == "history_time" and times.max() < 0:
            # The same as events at the very time of the request.
            now = np.broadcast_to(x["time"][:, None], real.shape)
            expected = model({**x, "history_time": now})["click"]
            np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


@timed_model
def test_a_second_matters_as_much_today_as_in_1970(name):
    # float32 would round both times to one.
    x, _, _ = rows(10)
    model, shift = made(name), x["time"].min() - 10**6
    x["history_time"] = x["time"][:, None] - np.arange(4, 0, -1)
    early = {
        **x,
        "time": x["time"] - shift,
        "history_time": x["history_time"] - shift,
    }
    np.testing.assert_allclose(
        model(x)["click"], model(early)["click"], rtol=1e-5, atol=1e-6
    )
    later = {**x, "time": x["time"] + 1}
    several = (x["history_item_id"] != 0).any(axis=1)
    change = np.abs(model(later)["click"] - model(x)["click"])
    assert change[several].min() > 1e-6
    assert SIZED.timestamp == "time"


@pytest.mark.slow
@timed_model
def test_learns_what_only_the_time_since_the_last_event_tells(name):
    assert area_after_training(name, time_since, epochs=8) > 0.95


@pytest.mark.slow
def test_time_is_all_that_there_is_to_learn():
    assert 0.44 < area_after_training("NARM", time_since, epochs=8) < 0.56
