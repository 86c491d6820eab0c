"""Tests of `tfctr.models.known_events`."""

import dataclasses

import numpy as np
import pandas as pd

from tests.models.sequences import SCHEMA
from tfctr.data.batches import encode_frame
from tfctr.features import Categorical, FeatureSchema, Label, Sequence
from tfctr.models.event_sequence import EventSequence, compacted, real_places
from tfctr.models.known_events import visible_events

EVENTS = EventSequence.of(SCHEMA)
# Padding in front, between and behind.
X = {
    "history_item_id": np.array([[0, 3, 4, 0, 5, 6, 0]]),
    "history_category": np.array([[0, 1, 1, 0, 2, 2, 0]]),
    "history_time": np.array([[-1, 10, 20, -1, 20, 30, -1]]),
}


def visible(events=EVENTS, session=None, **given):
    inputs = {**X, **given}
    places = real_places(X["history_item_id"] != 0)
    packed = {name: compacted(value, places) for name, value in X.items()}
    found = visible_events(events, session, packed, inputs, places)
    return np.asarray(found)[0, :4].tolist()


def test_events_know_what_is_strictly_earlier():
    assert visible() == [0, 1, 1, 3]


def test_column_counts_places_of_the_padded_form():
    # The first two places hold one event, the first five hold three.
    given = np.array([[0, 0, 2, 0, 2, 5, 0]])
    assert visible(history_visible=given) == [0, 1, 1, 3]


def test_without_times_events_know_those_in_front():
    assert visible(dataclasses.replace(EVENTS, time=None)) == [0, 1, 2, 3]


def test_session_hides_its_own_events():
    assert visible(session="history_category") == [0, 0, 1, 2]
    untimed = dataclasses.replace(EVENTS, time=None)
    assert visible(untimed, "history_category") == [0, 0, 2, 2]


def test_neighbours_without_a_session_count_as_one():
    pages = Sequence("history", (Categorical("item_id"), Categorical("page")))
    schema = FeatureSchema(
        user=[Categorical("user_id")],
        item=[Categorical("item_id")],
        sequences=[pages],
        labels=[Label("click")],
        user_id="user_id",
        item_id="item_id",
    )
    columns = {
        "user_id": ["u"],
        "item_id": ["a"],
        "history_item_id": [["a", "a", "a", "a"]],
        "history_page": [["x", "", "", "y"]],
        "click": [1.0],
    }
    frame = pd.DataFrame(columns)
    (encoded, *_) = encode_frame(frame, schema.fit(frame))
    session = np.asarray(encoded["history_page"])[:, :4]
    places = real_places(np.ones((1, 4), bool))
    events = EventSequence.of(schema)
    found = visible_events(events, "page", {"page": session}, {}, places)
    assert np.asarray(found)[0].tolist() == [0, 1, 1, 3]
