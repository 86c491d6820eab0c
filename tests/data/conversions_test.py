"""Tests of labels that ripen: attribution, ripeness, and what is learnt of it."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfctr.data import attribute_conversions, ripeness_of
from tfctr.data.targets import targets
from tfctr.errors import InputError
from tfctr.features import Categorical, FeatureSchema, Label
from tfctr.models import LogisticRegression

WINDOW, NOW = 100, 1_000
IMPRESSIONS = pd.DataFrame(
    {
        "user": ["a", "a", "b", "c", "a"],
        "item": [1, 1, 1, 1, 2],
        "at": [100, 300, 500, 960, 990],
    }
)
CONVERSIONS = pd.DataFrame(
    {
        "user": ["a", "a", "a", "b", "c", "c", "z"],
        "item": [1, 1, 1, 1, 1, 1, 1],
        "at": [299, 300, 380, 601, 970, 1_001, 50],
    }
)


def attributed(impressions=IMPRESSIONS, conversions=CONVERSIONS, **changes):
    arguments = {
        "keys": ("user", "item"),
        "time_key": "at",
        "window_seconds": WINDOW,
        "now": NOW,
        "label": "buy",
        "min_conversions": 1,
    }
    return attribute_conversions(impressions, conversions, **{**arguments, **changes})


def test_conversions_belong_to_the_last_impression_within_the_window():
    found = attributed()
    # At 299, 199 s after the first; at 300 the second itself, before 380; 601 of b is
    # 101 s late; 970 of c counts; 1,001 is not known yet; z saw nothing.
    assert found["buy"].tolist() == [0, 1, 0, 1, 0]
    np.testing.assert_array_equal(found["buy_delay"], [np.nan, 0, np.nan, 10, np.nan])
    assert found.attrs["unattributed"] == 1
    assert list(found.columns[:3]) == list(IMPRESSIONS)


def test_ripeness_is_the_share_of_delays_that_are_over():
    found = attributed(delays=[5, 10, 20, 40, 101, np.nan])
    # Closed windows and conversions are ripe; the last waits 10 s: 5 and 10 of four.
    np.testing.assert_allclose(found["buy_ripeness"], [1, 1, 1, 1, 0.5])


def test_delays_are_those_of_closed_windows():
    impressions = pd.DataFrame({"id": range(8), "at": [0, 0, 0, 0, 950, 950, 980, 990]})
    conversions = pd.DataFrame(
        {"id": [0, 1, 2, 4], "at": [10, 30, 60, 951]}  # 1 s is of an open window
    )
    found = attributed(impressions, conversions, keys="id")
    expected = [1, 1, 1, 1, 1, 2 / 3, 1 / 3, 1 / 3]
    np.testing.assert_allclose(found["buy_ripeness"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"keys": "session"}, "`session`: received impressions with the columns"),
        ({"now": 980}, "`at`: received 990 in row 4 of impressions"),
        ({"window_seconds": 0}, "`window_seconds`: received 0"),
        ({"min_conversions": 2}, "`delays`: received 1 conversions"),
    ],
)
def test_unusable_input_is_refused(changes, text):
    with pytest.raises(InputError, match=text):
        attributed(**changes)


def test_conversion_dated_before_its_impression_is_refused():
    impressions = pd.DataFrame({"id": [7, 8], "at": [100, 200]})
    conversions = pd.DataFrame({"id": [8, 7, 9], "at": [201, 99, 1]})
    with pytest.raises(InputError, match="`at`: received 99 in row 1 of conversions"):
        attributed(impressions, conversions, keys="id")


def test_without_conversions_delays_must_come_from_elsewhere():
    with pytest.raises(InputError, match="`delays`: received 0 conversions"):
        attributed(conversions=CONVERSIONS[:0])
    found = attributed(conversions=CONVERSIONS[:0], delays=[1.0])
    assert found["buy"].tolist() == [0] * 5
    np.testing.assert_array_equal(ripeness_of([0, 1], [1.0]), [0, 1])


SCHEMA = FeatureSchema(
    user=(Categorical("user"),),
    item=(Categorical("item"),),
    labels=(Label("buy", ripeness="buy_ripeness"),),
    user_id="user",
    item_id="item",
)


def test_targets_carry_ripeness_beside_the_weights():
    found = attributed(delays=[5, 10, 20, 40])
    _, weights = targets(found, SCHEMA)
    np.testing.assert_allclose(weights["buy_ripeness"], [1, 1, 1, 1, 0.5])
    with pytest.raises(InputError, match="`buy_ripeness`: received 2"):
        targets(found.assign(buy_ripeness=2.0), SCHEMA)


def test_planted_delays_no_longer_hide_conversions():
    """Items convert at 10 % to 40 %, half of those within 30 of 100 seconds."""
    rng = np.random.default_rng(0)
    size, rates = 60_000, {"a": 0.1, "b": 0.2, "c": 0.4}
    items = rng.choice(list(rates), size)
    shown = rng.integers(0, 1_000, size)
    # One item is new: it was shown only in the last minute.
    shown = np.where(items == "c", 1_000 - rng.integers(1, 60, size), shown)
    will = rng.random(size) < pd.Series(items).map(rates).to_numpy()
    delay = np.minimum(rng.exponential(43, size), 100).astype(int)
    log = pd.DataFrame({"id": range(size), "user": "u", "item": items, "at": shown})
    bought = log[["id", "at"]].assign(at=shown + delay)[will]
    found = attributed(log, bought, keys="id")
    state = SCHEMA.fit(found)
    rate = {}
    for name, changes in {"naive": {"buy_ripeness": 1.0}, "delayed": {}}.items():
        model = LogisticRegression(state.schema)
        model.compile(optimizer="adam")
        y, w = targets(found.assign(**changes), state.schema)
        encoded = state.encode(found)
        x = {name: np.asarray(encoded[name]) for name in ("user", "item")}
        data = tf.data.Dataset.from_tensor_slices((x, y, w)).batch(1_000)
        model.optimizer.learning_rate.assign(0.02)
        model.fit(data, epochs=8, verbose=0)
        one = [np.flatnonzero(items == item)[0] for item in rates]
        logits = model.predict({n: v[one] for n, v in x.items()})["buy"]
        rate[name] = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(rate["delayed"], list(rates.values()), rtol=0.12)
    assert rate["naive"][2] < 0.25  # of 0.4
