"""Tests of `tfctr.calibration.calibrate`: C9 of the methods file of DHEN."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.calibration import calibrate, isotonic_curve, platt_curve
from tfctr.errors import InputError, UnknownName
from tfctr.evaluation import evaluate
from tfctr.features import Categorical, FeatureSchema, Label, Numeric, Vocabulary
from tfctr.models import LogisticRegression
from tfctr.testing import make_batch

SCHEMA = FeatureSchema(
    user=(Categorical("user_id"), Categorical("country"), Numeric("taste")),
    item=(Categorical("item_id", dtype="int64"),),
    labels=(Label("click"), Label("buy", observed_if="click")),
    user_id="user_id",
    item_id="item_id",
    vocabularies=(Vocabulary("country", values=("a", "b", "c")),),
    sizes={"user_id": 3, "item_id": 5},
)
SLOPE = {1: 0.5, 2: 2.0, 3: 1.0}


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def examples(size, seed):
    """Clicks by taste, of a slope that each country has; few come from the third."""
    rng = np.random.default_rng(seed)
    country = rng.choice([1, 2, 3], size, p=[0.6, 0.38, 0.02]).astype("int32")
    taste = rng.normal(size=size).astype("float32")
    slope = np.vectorize(SLOPE.get)(country)
    click = (rng.random(size) < sigmoid(slope * taste - 1)).astype("float32")
    buy = click * (rng.random(size) < 0.3)
    x = {"country": country, "taste": taste}
    x["user_id"] = x["item_id"] = np.ones(size, "int32")
    y = {"click": click, "buy": buy.astype("float32")}
    return x, y, {"click": np.ones(size, "float32"), "buy": click}


def batches(size=20_000, seed=0):
    return tf.data.Dataset.from_tensor_slices(examples(size, seed)).batch(4_096)


@pytest.fixture(scope="module")
def model():
    """Logits `2 * taste + 1`, of both labels: wrong in slope and offset."""
    return Known(SCHEMA)


class Known(LogisticRegression):
    def call(self, inputs, training=False):
        logits = 2.0 * tf.cast(inputs["taste"], tf.float32) + 1.0
        return {"click": logits, "buy": logits}


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_predicted_is_observed_on_other_examples(model, method):
    """C9."""
    found = calibrate(model, batches(), method=method)
    before, after = (evaluate(m, batches(seed=9)).labels for m in (model, found))
    for label in ("click", "buy"):
        assert not 0.8 < before[label].overall.calibration_ratio < 1.25
        assert 0.95 < after[label].overall.calibration_ratio < 1.05
        assert after[label].overall.log_loss < before[label].overall.log_loss - 0.05
        assert after[label].overall.auc == pytest.approx(
            before[label].overall.auc, rel=1e-3
        )
        for _, predicted, observed in after[label].calibration:
            assert predicted == pytest.approx(observed, abs=0.06)


def test_curves_are_those_of_the_examples_that_count(model):
    x, y, w = examples(20_000, 0)
    found = calibrate(model, batches(), method="platt")
    logits = 2.0 * x["taste"] + 1.0
    for label in ("click", "buy"):
        expected = platt_curve(logits, y[label], w[label])
        assert found.curves[label].slope == pytest.approx(expected.slope, rel=1e-4)
        assert found.curves[label].offset == pytest.approx(expected.offset, rel=1e-4)


def test_slices_have_their_own_curves_where_there_is_enough(model):
    found = calibrate(model, batches(), method="platt", slices="country")
    assert found.column == "country"
    assert set(found.by_value["click"]) == {1, 2}  # of the third there are 400
    for value, curve in found.by_value["click"].items():
        assert curve.slope == pytest.approx(SLOPE[value] / 2, abs=0.06)
        assert curve.offset == pytest.approx(-1 - SLOPE[value] / 2, abs=0.1)
    report = evaluate(found, batches(seed=9), slices=["country"]).labels["click"]
    for value in ("1", "2"):
        row = report.slices["country"][value]
        assert 0.93 < row.calibration_ratio < 1.07
    plain = evaluate(calibrate(model, batches()), batches(seed=9)).labels["click"]
    assert report.overall.log_loss < plain.overall.log_loss


def test_small_slices_count_when_asked_for(model):
    found = calibrate(
        model, batches(), slices="country", min_examples=100, min_positives=20
    )
    assert set(found.by_value["click"]) == {1, 2, 3}
    x, y, _ = examples(20_000, 0)
    rows = x["country"] == 3
    expected = isotonic_curve(2.0 * x["taste"][rows] + 1.0, y["click"][rows])
    np.testing.assert_allclose(
        found.by_value["click"][3].knots, expected.knots, rtol=1e-5
    )


def test_negative_rate_is_undone_without_examples(model):
    found = calibrate(model, negative_rate={"click": 0.1})
    x, _, _ = examples(50, 2)
    p = sigmoid(model(x)["click"])
    np.testing.assert_allclose(
        sigmoid(found(x)["click"]), p / (p + (1 - p) / 0.1), rtol=1e-5
    )
    np.testing.assert_allclose(found(x)["buy"], model(x)["buy"], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({}, InputError, "`dataset`: received nothing"),
        ({"dataset": [], "negative_rate": 0.5}, InputError, "received both"),
        ({"dataset": []}, InputError, "received no examples"),
        ({"dataset": [], "method": "plat"}, UnknownName, "Did you mean 'platt'"),
        ({"dataset": [], "slices": "county"}, UnknownName, "Did you mean 'country'"),
        ({"dataset": [], "slices": "taste"}, UnknownName, "taste"),
        ({"negative_rate": {"by": 0.5}}, UnknownName, "Did you mean 'buy'"),
    ],
)
def test_bad_input_is_refused(model, arguments, error, text):
    with pytest.raises(error, match=text):
        calibrate(model, **arguments)


def test_label_of_one_class_is_named(model):
    x, y, w = examples(100, 0)
    data = [(x, {**y, "buy": 0 * y["buy"]}, w)]
    with pytest.raises(InputError, match=r"`buy`: received .*0 positives"):
        calibrate(model, data)


def test_values_stay_as_they_are():
    """Beside a label with two logits, whose ranking loss a calibrated model has too."""
    schema = FeatureSchema(
        user=(Categorical("user_id", dtype="int64"),),
        item=(Categorical("item_id", dtype="int64"),),
        labels=(Label("click"), Label("spend", kind="value")),
        user_id="user_id",
        item_id="item_id",
    ).with_sizes({"user_id": 9, "item_id": 9})
    x, y = make_batch(schema, 200)
    plain = LogisticRegression(schema, two_logits=["click"])
    plain.compile(
        tasks=[{"label": "click", "losses": {"context_ranking": 1.0}}],
        weighted_metrics=[],
        run_eagerly=True,
    )
    found = calibrate(plain, [(x, y)], method="platt")
    np.testing.assert_allclose(found(x)["spend"], plain(x)["spend"], rtol=1e-6)
    assert not np.allclose(found(x)["click"], plain(x)["click"])
    assert np.isfinite(found.evaluate(x, y, verbose=0)).all()
    rated = calibrate(plain, negative_rate=0.5)
    np.testing.assert_allclose(rated(x)["spend"], plain(x)["spend"], rtol=1e-6)
    with pytest.raises(UnknownName, match="spend"):
        calibrate(plain, negative_rate={"spend": 0.5})
