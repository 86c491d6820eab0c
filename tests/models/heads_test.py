"""Tests of labels whose heads have several outputs."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.export.deployment import small_parts
from tests.features.shop import small_schema
from tests.losses.context_ranking_test import by_definition
from tests.models.data import candidates, made, pairs, part
from tfctr import export, models
from tfctr.errors import InputError, UnknownName
from tfctr.evaluation import evaluate
from tfctr.features import Label
from tfctr.models import Task
from tfctr.models.heads import Heads, parted, with_outputs
from tfctr.testing import make_batch

LABELS = (
    Label("click"),
    Label("buy", observed_if="click"),
    Label("spend", kind="value"),
)
SCHEMA = small_schema(labels=LABELS).with_sizes({"user_id": 9, "item_id": 12})
SIZE = 40
X, Y = make_batch(SCHEMA, SIZE)
WEIGHTS = {name: np.ones(SIZE, "float32") for name in Y} | {"buy": Y["click"]}
RANKED = Task("click", losses={"binary_cross_entropy": 0.3, "context_ranking": 0.7})


def small(name="SharedBottom", **kwargs):
    return made(name, SCHEMA, two_logits=["click"], **kwargs)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, "float64")))


def outputs_of(model, x=X):
    with with_outputs():
        return parted(model(x))[1]


def test_scores_are_those_of_the_outputs():
    outputs = np.random.default_rng(0).normal(size=(7, 6)).astype("float32")
    heads = Heads(LABELS, ["click"])
    assert heads.sizes == {"click": 2, "buy": 1, "spend": 3}
    scores = heads.scores(outputs)
    np.testing.assert_allclose(scores["click"], outputs[:, 1] - outputs[:, 0])
    np.testing.assert_array_equal(scores["buy"], outputs[:, 2])
    sigma = np.log1p(np.exp(outputs[:, 5]))
    expected = sigmoid(outputs[:, 3]) * np.exp(outputs[:, 4] + sigma**2 / 2)
    np.testing.assert_allclose(np.exp(scores["spend"]), expected, rtol=1e-4)
    assert set(scores) == {"click", "buy", "spend"}


@pytest.mark.parametrize(
    "name",
    ["SharedBottom", "MMoE", "PLE", "DHEN", "LogisticRegression", "DeepFM", "TwoTower"],
)
def test_each_label_has_one_score_whatever_its_head_has(name):
    model = small(name)
    scores = model(X)
    assert {n: s.shape for n, s in scores.items()} == dict.fromkeys(Y, (SIZE,))
    items = candidates(X, 3, SCHEMA)
    state = model.encode_user(part(X, ("user", "context", "sequence"), SCHEMA))
    flat = model(pairs(X, items, SCHEMA))
    for label, score in model.score(state, items).items():
        np.testing.assert_allclose(np.ravel(score), flat[label], atol=1e-5)
    assert {n: o.shape for n, o in outputs_of(model).items()} == {
        "click": (SIZE, 2),
        "spend": (SIZE, 3),
    }


def test_predictions_are_probabilities_and_expected_values():
    model = small()
    scores = model.predict(X)
    found = model.predictions(scores)
    np.testing.assert_allclose(found["click"], sigmoid(scores["click"]), rtol=1e-5)
    np.testing.assert_allclose(found["spend"], np.exp(scores["spend"]), rtol=1e-5)


@pytest.mark.parametrize("form", ["pairs", "requests"])
def test_ranked_labels_have_both_losses(form):
    model = small()
    model.compile(tasks=[RANKED], weighted_metrics=[], run_eagerly=True)
    x, y, w = X, Y, dict(WEIGHTS)
    contexts = X["group_id"]
    if form == "requests":
        x = {**part(X, ("user", "context", "sequence"), SCHEMA)}
        x |= {n: v.reshape(10, 4) for n, v in part(X, ["item"], SCHEMA).items()}
        x |= {n: x[n][:10] for n in part(X, ("user", "context", "sequence"), SCHEMA)}
        y, w = ({n: v.reshape(10, 4) for n, v in group.items()} for group in (Y, w))
        contexts = np.repeat(np.arange(10), 4)
    w["click"] = w["click"].copy()
    w["click"].reshape(-1)[:5] = 0
    outputs = {n: np.asarray(o) for n, o in outputs_of(model, x).items()}
    with with_outputs():
        found = model.compute_loss(x, y, model(x), w)
    click = outputs["click"].reshape(-1, 2)
    weight, label = w["click"].reshape(-1), Y["click"]
    logit = click[:, 1] - click[:, 0]
    plain = np.logaddexp(0, logit) - label * logit
    ranking = by_definition(label, click, contexts, weight)
    expected = np.average(0.3 * plain + 0.7 * ranking, weights=weight)
    others = small()
    others.compile(tasks=[Task("click", weight=0.0)], weighted_metrics=[])
    with with_outputs():
        rest = others.compute_loss(x, y, others(x), w)
    assert float(found) == pytest.approx(expected + float(rest), rel=1e-4)


def test_two_logits_without_ranking_have_plain_cross_entropy():
    model = small()
    model.compile(weighted_metrics=[], run_eagerly=True)
    found = model.evaluate(X, Y, SIZE, 0, WEIGHTS, return_dict=True)
    logit = np.asarray(model(X)["click"], "float64")
    expected = (np.logaddexp(0, logit) - Y["click"] * logit).mean()
    assert found["click_loss"] == pytest.approx(expected, rel=1e-4)


def test_training_lowers_all_losses_and_a_file_keeps_them(tmp_path):
    model = small("DHEN")
    model.compile(keras.optimizers.Adam(0.02), tasks=[RANKED], run_eagerly=True)
    history = model.fit(X, Y, sample_weight=WEIGHTS, epochs=6, verbose=0).history
    for name in Y:
        assert history[f"{name}_loss"][-1] < history[f"{name}_loss"][0]
    assert {"spend_value_ratio", "spend_mean_value_error", "click_auc"} <= set(history)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for name, score in model.predict(X).items():
        np.testing.assert_array_equal(again.predict(X)[name], score)
    found = [m.evaluate(X, Y, sample_weight=WEIGHTS, verbose=0) for m in (model, again)]
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_a_report_measures_values_as_values():
    model = small()
    report = evaluate(model, [(X, Y, WEIGHTS)])
    assert set(report.labels) == {"click", "buy"}
    expected = np.exp(np.asarray(model(X)["spend"], "float64"))
    assert report.values["spend"].value_ratio == pytest.approx(
        expected.sum() / Y["spend"].sum(), rel=1e-4
    )
    assert report.to_dict()["spend"]["overall"]["count"] == SIZE
    assert "| spend | 40 |" in report.to_markdown()
    given = evaluate(
        {**model.predictions(model(X))}, [(X, Y, WEIGHTS)], values=["spend"]
    )
    assert given.values["spend"].to_dict() == pytest.approx(
        report.values["spend"].to_dict(), rel=1e-5
    )


def test_learns_what_is_spent():
    """Items differ in how often, and in how much, is spent; means come out right."""
    rng = np.random.default_rng(1)
    x, _ = make_batch(SCHEMA, 6_000, seed=1)
    item = x["item_id"]
    chance, level = np.where(item % 2, 0.6, 0.2), np.where(item % 3, 2.0, 1.0)
    spend = (rng.random(6_000) < chance) * rng.lognormal(level, 0.6)
    schema = small_schema(labels=[LABELS[2]]).with_sizes(SCHEMA.sizes)
    model = models.LogisticRegression(schema)
    model.compile(keras.optimizers.Adam(0.05), weighted_metrics=[])
    model.fit(x, {"spend": spend}, batch_size=200, epochs=12, shuffle=False, verbose=0)
    found = np.exp(model.predict(x)["spend"])
    # Within a tenth of what was seen, a fifth of the truth.
    expected = chance * np.exp(level + 0.18)
    for one in np.unique(expected):
        group = expected == one
        assert found[group].mean() == pytest.approx(one, rel=0.2)
        assert found[group].mean() == pytest.approx(spend[group].mean(), rel=0.1)


def test_values_are_served(tmp_path):
    """Both signatures answer with the value itself, and `score` is made of it."""
    parts = small_parts(labels=[Label("click"), Label("spend", kind="value")])
    path = export.save(tmp_path, **parts, score={"click": 1.0, "spend": 1.0})
    users = ["a", "b", "nobody", None]
    frame = pd.DataFrame({"user_id": users, "item_id": ["i0", "i1", "i2", "i9"]})
    model, state = parts["ranking"], parts["state"]
    assert export.largest_difference(path, model, state, frame) < 1e-5
    ranking = tf.saved_model.load(str(path)).signatures["ranking"]
    given = {"user_id": tf.constant(["a"]), "item_id": tf.constant([["i0", "i1"]])}
    answer = ranking(**given)
    x = state.encode(
        {"user_id": tf.constant(["a"] * 2), "item_id": given["item_id"][0]}
    )
    scores = model(x)
    np.testing.assert_allclose(answer["spend"][0], np.exp(scores["spend"]), rtol=1e-5)
    np.testing.assert_allclose(
        answer["score"], answer["click"] * answer["spend"], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: models.TARQ(SCHEMA), InputError, "several outputs for spend"),
        (lambda: models.DiffMSIN(SCHEMA), InputError, "several outputs for spend"),
        (lambda: Heads(LABELS, ["spend"]), InputError, "'spend', a value"),
        (lambda: Heads(LABELS, ["clik"]), UnknownName, "Did you mean 'click'"),
    ],
)
def test_what_a_head_cannot_have_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(
    ("task", "text"),
    [
        (Task("spend", losses={"focal_cross_entropy": 1.0}), "focal_cross_entropy for"),
        (Task("spend", metrics=("auc",)), "auc for a value"),
        (Task("spend", space="all"), 'space "all" for a value'),
        (Task("click", metrics=("value_ratio",)), "value_ratio for a label of 0 and 1"),
        (Task("click", losses={"zero_inflated_log_normal": 1.0}), "for a label of 0"),
        (Task("buy", losses={"context_ranking": 1.0}), r"two_logits=\['buy'\]"),
    ],
)
def test_tasks_that_a_label_cannot_have_are_refused(task, text):
    with pytest.raises(InputError, match=text):
        small().compile(tasks=[task])


def test_contexts_must_be_known():
    model = small()
    model.compile(tasks=[RANKED], weighted_metrics=[], run_eagerly=True)
    x = {name: value for name, value in X.items() if name != "group_id"}
    with pytest.raises(InputError, match="which says the context"):
        model.evaluate(x, Y, sample_weight=WEIGHTS, verbose=0)


def test_outputs_must_be_asked_for():
    model = small()
    model.compile(weighted_metrics=[])
    with pytest.raises(InputError, match="its score alone"):
        model.compute_loss(X, Y, model(X), WEIGHTS)


def test_values_are_not_distilled():
    model = small()
    with pytest.raises(InputError, match="values, spend"):
        model.learn_from(small())


def test_without_heads_of_several_outputs_nothing_changes():
    plain = small_schema(labels=LABELS[:2]).with_sizes(SCHEMA.sizes)
    model = made("SharedBottom", plain)
    with with_outputs():
        assert set(model(X)) == {"click", "buy"}
    assert "two_logits" not in model.get_config()


class Narrow(models.RankingModel):
    """A user's own model, which gives one logit a label."""

    def embed(self, inputs, training=False):
        return {"rows": keras.ops.cast(inputs["item_id"], "float32")[:, None]}

    def interact(self, embedded, training=False):
        return keras.ops.tile(embedded["rows"], (1, 3))


def test_a_model_of_ones_own_is_told_how_many_outputs_it_needs():
    with pytest.raises(InputError, match="click 1, buy 1, spend 3"):
        Narrow(SCHEMA).build()
