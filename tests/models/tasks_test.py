"""Tests of `tfctr.models.Task` and of spaces."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import PLAIN, made, rows
from tfctr.errors import InputError, UnknownName
from tfctr.models import Task
from tfctr.models.tasks import entire_space, labels_above, resolve_tasks

PARENTS = {"click": None, "cart": "click", "buy": "cart"}
RNG = np.random.default_rng(3)
LOGITS = {name: RNG.normal(scale=2, size=(50, 1)).astype("float32") for name in PARENTS}
CLICK = RNG.integers(0, 2, (50, 1)).astype("float32")
LABELS = {
    "click": CLICK,
    # Not observed without the label above: what stands there must not matter.
    "cart": np.where(CLICK == 1, RNG.integers(0, 2, (50, 1)), np.nan).astype("float32"),
}
LABELS["buy"] = np.where(
    LABELS["cart"] == 1, RNG.integers(0, 2, (50, 1)), np.nan
).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, "float64")))


def joint(spaces, weights=None):
    tasks = {name: Task(name, space=spaces.get(name, "observed")) for name in PARENTS}
    return entire_space(tasks, PARENTS, LABELS, LOGITS, weights)


def test_joint_probabilities_are_products_along_the_chain():
    labels, logits, _ = joint({"cart": "all", "buy": "all"})
    p = {name: sigmoid(values) for name, values in LOGITS.items()}
    np.testing.assert_array_equal(logits["click"], LOGITS["click"])
    np.testing.assert_allclose(
        sigmoid(logits["cart"]), p["click"] * p["cart"], rtol=1e-4
    )
    product = p["click"] * p["cart"] * p["buy"]
    np.testing.assert_allclose(sigmoid(logits["buy"]), product, rtol=1e-4)
    both = np.nan_to_num(LABELS["cart"]) * CLICK
    np.testing.assert_array_equal(labels["cart"], both)
    np.testing.assert_array_equal(labels["buy"], np.nan_to_num(LABELS["buy"]) * both)


def test_observed_space_leaves_all_as_it_is():
    labels, logits, weights = joint({}, {"click": np.ones(50)})
    assert all(labels[name] is LABELS[name] for name in PARENTS)
    assert all(logits[name] is LOGITS[name] for name in PARENTS)
    assert list(weights) == ["click"]


def test_weights_in_all_of_the_space_are_those_of_the_first_label():
    given = {"click": np.full(50, 2.0), "cart": CLICK[:, 0], "buy": np.zeros(50)}
    _, _, weights = joint({"buy": "all"}, given)
    np.testing.assert_array_equal(weights["buy"], given["click"])
    np.testing.assert_array_equal(weights["cart"], given["cart"])
    assert joint({"buy": "all"}, None)[2] is None


@pytest.mark.parametrize("sign", [1, -1])
def test_far_logits_stay_finite(sign):
    far = {name: np.full((2, 1), sign * 1e3, "float32") for name in PARENTS}
    tasks = {name: Task(name, space="all") for name in PARENTS}
    labels = {name: np.ones((2, 1), "float32") for name in PARENTS}
    logits = {name: tf.Variable(value) for name, value in far.items()}
    with tf.GradientTape() as tape:
        found = entire_space(tasks, PARENTS, labels, logits, None)[1]["buy"]
    gradients = tape.gradient(found, list(logits.values()))
    assert np.isfinite(found).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert np.all(np.sign(found) == sign)


def test_a_model_is_trained_in_all_of_the_space():
    """The loss against numpy; logits and metrics stay those of the observed space."""
    x, y, weights = rows(60, schema=PLAIN)
    model = made("LogisticRegression", PLAIN)
    tasks = [Task("buy", space="all", weight=3.0)]
    model.compile(tasks=tasks, weighted_metrics=[], run_eagerly=True)
    found = model.evaluate(x, y, sample_weight=weights, batch_size=60, verbose=0)
    p = {name: sigmoid(logits) for name, logits in model(x).items()}
    click = -np.log(np.where(y["click"] == 1, p["click"], 1 - p["click"])).mean()
    both = p["click"] * p["buy"]
    bought = y["click"] * y["buy"]
    buy = -np.log(np.where(bought == 1, both, 1 - both)).mean()
    assert found[0] == pytest.approx(click + 3 * buy, rel=1e-4)


def test_a_task_of_weight_0_trains_nothing():
    x, y, weights = rows(60, schema=PLAIN)
    model = made("SharedBottom", PLAIN)
    model.compile(
        keras.optimizers.SGD(0.1),
        tasks=[Task("buy", weight=0.0)],
        weighted_metrics=[],
        run_eagerly=True,
    )
    before = [np.asarray(w) for w in model.towers.towers[1].weights]
    model.fit(x, y, sample_weight=weights, verbose=0)
    after = [np.asarray(w) for w in model.towers.towers[1].weights]
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, two)


def test_tasks_are_saved_with_the_model(tmp_path):
    model = made("SharedBottom", PLAIN)
    task = Task("buy", space="all", losses={"focal_cross_entropy": 2.0}, weight=0.5)
    model.compile(tasks=[task])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x, y, weights = rows(60, schema=PLAIN)
    found = [
        m.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
        for m in (model, again)
    ]
    assert found[0] == pytest.approx(found[1])
    assert again.get_compile_config()["tasks"][1] == task.to_dict()


def test_metrics_are_those_that_are_named():
    model = made("LogisticRegression", PLAIN)
    model.compile(tasks=[Task("buy", metrics=("log_loss",))], run_eagerly=True)
    x, y, weights = rows(60, schema=PLAIN)
    found = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    assert {name for name in found if name.startswith("buy_")} == {
        "buy_log_loss",
        "buy_loss",
    }


def test_tasks_go_through_json():
    task = Task("buy", space="all", losses={"focal_cross_entropy": 2.0})
    again = json.loads(json.dumps(task.to_dict()))
    assert resolve_tasks([again], PARENTS)["buy"] == task


def test_labels_without_a_task_have_the_default():
    assert resolve_tasks([], PARENTS) == {name: Task(name) for name in PARENTS}


@pytest.mark.parametrize(
    ("parents", "text"),
    [
        ({"a": "b", "b": "a"}, "`a.observed_if`: received a -> b -> a"),
        ({"a": "a"}, "`a.observed_if`: received a -> a"),
        ({"c": "a", "a": "b", "b": "a"}, "received c -> a -> b -> a"),
    ],
)
def test_labels_in_a_circle_are_refused(parents, text):
    with pytest.raises(InputError, match=text):
        resolve_tasks([], parents)


def test_chains_name_the_nearest_first():
    assert labels_above("buy", PARENTS) == ["cart", "click"]
    with pytest.raises(UnknownName, match=r"`buy\.observed_if`"):
        labels_above("buy", {"buy": "carts"})


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"label": "bye"}, UnknownName, "Did you mean 'buy'"),
        ({"label": "buy", "space": "clicked"}, UnknownName, "`buy.space`"),
        ({"label": "buy", "losses": {}}, InputError, "`losses`: received none"),
        ({"label": "buy", "losses": {"mse": 1}}, UnknownName, "`losses`"),
        ({"label": "buy", "metrics": ("auk",)}, UnknownName, "Did you mean 'auc'"),
        ({"label": "buy", "weight": -1.0}, InputError, "`buy.weight`: received -1"),
        ({"label": "buy", "weight": float("nan")}, InputError, "`buy.weight`"),
    ],
)
def test_bad_tasks_are_refused_at_compile(arguments, error, text):
    with pytest.raises(error, match=text):
        made("LogisticRegression", PLAIN).compile(tasks=[arguments])


def test_two_tasks_of_a_label_are_refused():
    with pytest.raises(InputError, match="`tasks`: received two for buy"):
        resolve_tasks([Task("buy"), Task("buy")], PARENTS)
