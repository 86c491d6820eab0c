"""Tests of `tfctr.training.pretrained.read_positives`."""

import numpy as np
import pandas as pd
import pytest

from tests.features.shop import SCHEMA, shop_frame
from tests.training.pretrained.shop import OLD
from tfctr.data.batches import encode_frame
from tfctr.errors import InputError, UnknownName
from tfctr.models import IDPretraining
from tfctr.training.pretrained import Window, read_positives

HOME = pd.DataFrame(
    {
        "user_id": ["u1", "u2", "u1"],
        "item_id": ["a", "b", "x"],
        "time": [50, 20, 70],
        "click": [1, 0, 1],
    }
)
SEARCH = pd.DataFrame(
    {"item_id": ["c"], "user_id": ["u3"], "time": [5], "click": [1], "query": ["q"]}
)


def test_positives_of_surfaces_come_one_after_the_other():
    found = read_positives(
        {"home": HOME, "search": SEARCH},
        OLD,
        ["user_id", "item_id"],
        label="click",
        time="time",
    )
    assert found.rows == {"home": 2, "search": 1}
    assert found.window == Window(5, 71)
    first, unknown, last = found.x["item_id"].tolist()
    # Row 0 is missing, 1 and 2 are unknown.
    assert (first, last) == (3, 5)
    assert unknown in (1, 2)
    assert found.x["user_id"].dtype == np.int32
    model = IDPretraining(OLD.schema, dim=4)
    model.compile()
    model.fit(found.x, verbose=0)


def test_ids_are_those_of_the_whole_encoding():
    frame = shop_frame()
    state = SCHEMA.fit(frame)
    names = ["interests", "history_action", "history_item_id", "item_id", "brand"]
    found = read_positives({"shop": frame}, state, names)
    whole = encode_frame(frame, state)[0]
    assert list(found.x) == names
    for name in names:
        np.testing.assert_array_equal(found.x[name], whole[name])
    assert found.window is None


@pytest.mark.parametrize(
    ("surfaces", "error", "text"),
    [
        ({}, InputError, "`surfaces`"),
        ({"home": HOME.drop(columns="item_id")}, UnknownName, "column of home"),
        ({"home": HOME[HOME["click"] == 0]}, InputError, "`home`: received no pos"),
        ({"home": HOME.assign(item_id="")}, InputError, "`item_id`.*always missing"),
    ],
)
def test_bad_surfaces_are_refused(surfaces, error, text):
    with pytest.raises(error, match=text):
        read_positives(surfaces, OLD, ["user_id", "item_id"], label="click")
