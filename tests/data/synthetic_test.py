"""Tests of synthetic logs: sizes, skew, and effects that are really there."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from tfctr.data import synthetic
from tfctr.data.effects import EFFECTS
from tfctr.errors import InputError, UnknownName

PLANTED = [name for name in EFFECTS if name != "none"]


def make(effect, **arguments):
    return synthetic(6_000, 60, 40, effect=effect, **arguments)


def chances(data):
    parts = (data.train, data.validation, data.test)
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("effect", PLANTED)
def test_a_planted_effect_can_be_seen(effect):
    data = make(effect)
    everything = chances(data)
    auc = roc_auc_score(everything["click"], everything["true_probability"])
    assert auc > 0.7
    truth = data.true_probability("train")
    expected = roc_auc_score(data.train["click"], truth)
    assert data.bayes_auc("train") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("effect", PLANTED)
def test_without_strength_there_is_only_chance(effect):
    data = make(effect, strength=0.0, click_rate=0.3)
    np.testing.assert_allclose(data.true_probability("train"), 0.3)
    assert data.bayes_auc("train") == 0.5
    assert chances(data)["click"].mean() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("effect", list(EFFECTS))
def test_probabilities_are_true(effect):
    everything = chances(make(effect))
    truth, clicks = everything["true_probability"], everything["click"]
    bins = pd.qcut(truth.rank(method="first"), 4, labels=False)
    for place in range(4):
        inside = bins == place
        # 1,500 clicks a bin: a standard deviation of at most 0.013.
        assert clicks[inside].mean() == pytest.approx(truth[inside].mean(), abs=0.06)


def test_clicks_follow_items_in_the_history():
    everything = chances(make("history_item", history_length=5))
    repeated = [
        item in set(history)
        for item, history in zip(
            everything["item_id"], everything["history_item_id"], strict=True
        )
    ]
    expected = np.where(repeated, 1, -1) * 2.0
    np.testing.assert_allclose(
        everything["true_probability"], 1 / (1 + np.exp(-expected))
    )
    assert 0.4 < np.mean(repeated) < 0.9


def test_clicks_follow_the_group_of_the_last_item():
    everything = chances(make("last_item_group"))
    same = [
        len(history) > 0 and history[-1] == group
        for group, history in zip(
            everything["item_group"], everything["history_item_group"], strict=True
        )
    ]
    high = everything["true_probability"] > 0.5
    assert high.tolist() == same


def test_clicks_follow_the_action_on_the_last_item_of_the_group():
    everything = chances(make("item_action", history_length=4))
    expected = []
    for row in everything.to_dict("records"):
        effect = 0.0
        for group, action in zip(
            row["history_item_group"], row["history_action"], strict=True
        ):
            if group == row["item_group"]:
                effect = 2.0 if action == "saved" else -2.0
        expected.append(1 / (1 + np.exp(-effect)))
    np.testing.assert_allclose(everything["true_probability"], expected)
    assert set(np.round(expected, 3)) == {0.119, 0.5, 0.881}
    # Items alone say nothing: not which one is shown, nor which one was last.
    groups = everything["history_item_group"]
    last = [cell[-1] if len(cell) else "" for cell in groups]
    for alone in (everything["item_group"], last):
        rates = everything["true_probability"].groupby(np.array(alone)).mean()
        assert rates.max() - rates.min() < 0.1


def test_one_group_alone_says_little_of_an_interaction():
    everything = chances(make("user_item_group", skew=0.0))
    rates = everything.groupby("item_group")["true_probability"].mean()
    both = everything.groupby(["user_group", "item_group"])["true_probability"].mean()
    assert rates.max() - rates.min() < 0.05
    assert both.max() - both.min() > 0.8


def test_clicks_follow_the_hour():
    everything = chances(make("time_of_day"))
    hour = pd.to_datetime(everything["timestamp"], unit="s").dt.hour
    assert everything["true_probability"][hour == 6].min() > 0.9
    assert everything["true_probability"][hour == 18].max() < 0.1


def test_skew_is_that_of_zipf():
    shown = synthetic(50_000, 50, 100, skew=1.0, history_length=0).events["item_id"]
    counts = shown.value_counts()
    assert counts["i0"] / counts["i9"] == pytest.approx(10, rel=0.15)
    even = synthetic(50_000, 50, 100, skew=0.0, history_length=0).events["item_id"]
    assert even.value_counts().max() < 1.3 * 500


def test_sizes_are_as_asked():
    data = synthetic(1_000, 30, 70, num_groups=3, history_length=4)
    assert len(chances(data)) == len(data.events) == 1_000
    assert [len(data.train), len(data.validation), len(data.test)] == [800, 100, 100]
    assert (len(data.users), len(data.items)) == (30, 70)
    assert data.items["item_group"].nunique() == 3
    assert data.train["history_item_id"].map(len).max() == 4


def test_no_user_sees_two_items_at_once():
    crowded = synthetic(50_000, 1, 10, days=1, history_length=1).events
    assert not crowded.duplicated(["user_id", "timestamp"]).any()


def test_the_seed_sets_everything():
    first, again, other = (synthetic(500, 9, 9, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.events, again.events)
    assert not first.events.equals(other.events)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_items": 0}, "`num_items`: received 0"),
        ({"click_rate": 1.0}, "`click_rate`: received 1.0"),
        ({"num_examples": 90_000, "num_users": 1, "days": 1}, "`days`: received 1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        synthetic(**arguments)


def test_unknown_effects_are_refused():
    with pytest.raises(UnknownName, match="Did you mean 'item_bias'"):
        synthetic(effect="item_bais")
