"""Tests of `tfctr.models.trainable`: compile, fit and metrics."""

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.models.data import (
    PLAIN,
    USER_ROLES,
    batches,
    candidates,
    made,
    pairs,
    part,
    rows,
)
from tfctr import optimizers
from tfctr.errors import InputError
from tfctr.features.inputs import blank_row
from tfctr.models import LogisticRegression

X, Y, WEIGHTS = rows(60, schema=PLAIN)


def cross_entropy(labels, logits):
    return np.log1p(np.exp(-np.abs(logits))) + np.maximum(logits, 0) - labels * logits


def logits_of(model, x=X):
    return {name: np.asarray(value, "float64") for name, value in model(x).items()}


def evaluated(model, data, batch_size=60):
    return model.evaluate(batches(batch_size, data), verbose=0, return_dict=True)


def compiled(**kwargs):
    """A logistic regression; without graphs, whose making takes seconds."""
    model = made("LogisticRegression", PLAIN)
    model.compile(**{"run_eagerly": True, **kwargs})
    return model


def mean_by_user(labels, scores, groups, weights):
    """AUC of each user with both classes, averaged by the users' weights."""
    total, areas = 0.0, 0.0
    for group in np.unique(groups):
        mine = (groups == group) & (weights > 0)
        if len(set(labels[mine])) == 2:
            weight = weights[mine]
            area = roc_auc_score(labels[mine], scores[mine], sample_weight=weight)
            total, areas = total + weight.sum(), areas + area * weight.sum()
    return areas / total


def test_default_loss_is_the_mean_over_what_is_observed():
    model, seen = compiled(weighted_metrics=[]), Y["click"] > 0
    weights = {"click": WEIGHTS["click"], "buy": seen.astype("float32")}
    assert 0 < seen.sum() < 60
    logits = logits_of(model)
    expected = (
        cross_entropy(Y["click"], logits["click"]).mean()
        + cross_entropy(Y["buy"], logits["buy"])[seen].mean()
    )
    assert evaluated(model, (X, Y, weights))["loss"] == pytest.approx(expected)


def test_default_loss_is_weighted():
    model = compiled(weighted_metrics=[])
    logits = logits_of(model)
    expected = sum(
        np.average(cross_entropy(Y[name], logits[name]), weights=WEIGHTS[name])
        for name in ("click", "buy")
    )
    assert evaluated(model, (X, Y, WEIGHTS))["loss"] == pytest.approx(expected)


def test_label_that_is_never_observed_has_no_loss_and_teaches_nothing():
    model = compiled()
    nothing = {name: np.zeros(60, "float32") for name in Y}
    before = [np.copy(weight) for weight in model.get_weights()]
    logs = model.train_on_batch(X, Y, nothing, return_dict=True)
    assert float(logs["loss"]) == 0.0
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_metrics_of_each_label_are_weighted():
    model = compiled()
    found, logits = evaluated(model, (X, Y, WEIGHTS), 7), logits_of(model)
    for name, weight in WEIGHTS.items():
        probability = 1 / (1 + np.exp(-logits[name]))
        area = roc_auc_score(Y[name], logits[name], sample_weight=weight)
        ratio = (weight * probability).sum() / (weight * Y[name]).sum()
        rate = np.average(Y[name], weights=weight)
        entropy = np.average(cross_entropy(Y[name], logits[name]), weights=weight)
        entropy /= -rate * np.log(rate) - (1 - rate) * np.log(1 - rate)
        assert found[f"{name}_auc"] == pytest.approx(area, abs=1e-3)
        assert found[f"{name}_calibration_ratio"] == pytest.approx(ratio, rel=1e-4)
        assert found[f"{name}_normalized_entropy"] == pytest.approx(entropy, rel=1e-4)


@pytest.mark.parametrize("weights", ["by label", "for all", None])
def test_grouped_auc_equals_the_computation_user_by_user(weights):
    common = WEIGHTS["buy"] + 0.5
    given = {"by label": WEIGHTS, "for all": common, None: None}[weights]
    data = (X, Y) if given is None else (X, Y, given)
    model = compiled(grouped_auc=True, weighted_metrics=[])
    found = evaluated(model, data, 17)
    for name, logits in logits_of(model).items():
        weight = {"by label": WEIGHTS[name], "for all": common, None: np.ones(60)}
        expected = mean_by_user(Y[name], logits, X["group_id"], weight[weights])
        assert found[f"{name}_grouped_auc"] == pytest.approx(expected, abs=1e-6)


def test_grouped_auc_is_exact_after_graphs_have_run():
    model = compiled(
        optimizer=keras.optimizers.SGD(0.0),
        grouped_auc=True,
        weighted_metrics=[],
        run_eagerly=False,
    )
    logs = model.fit(batches(9, (X, Y)), epochs=2, verbose=0).history
    logits = logits_of(model)["click"]
    expected = mean_by_user(Y["click"], logits, X["group_id"], np.ones(60))
    np.testing.assert_allclose(logs["click_grouped_auc"], expected, atol=1e-6)


def test_grouped_auc_starts_anew_with_every_evaluation():
    model = compiled(grouped_auc=True, weighted_metrics=[])
    first = evaluated(model, (X, Y))
    other = rows(60, seed=9, schema=PLAIN)
    assert evaluated(model, other) != first
    assert evaluated(model, (X, Y)) == first


def test_grouped_auc_without_groups_is_refused():
    x = {name: value for name, value in X.items() if name != "group_id"}
    with pytest.raises(InputError, match="`group_id`: received no such input"):
        evaluated(compiled(grouped_auc=True), (x, Y))


def test_grouped_auc_and_xla_exclude_each_other():
    with pytest.raises(InputError, match=r"`grouped_auc`: .*jit_compile=True"):
        compiled(grouped_auc=True, jit_compile=True)


@pytest.mark.slow
def test_model_trains_under_xla():
    model = compiled(jit_compile=True, run_eagerly=False)  # with the default metrics
    losses = model.fit(batches(60, (X, Y, WEIGHTS)), epochs=3, verbose=0).history[
        "loss"
    ]
    assert losses[-1] < losses[0]


def test_given_loss_metrics_and_optimizer_are_used():
    model = compiled(
        optimizer=keras.optimizers.SGD(0.5),
        loss={name: keras.losses.MeanSquaredError() for name in Y},
        weighted_metrics={name: [keras.metrics.MeanSquaredError()] for name in Y},
    )
    found, logits = evaluated(model, (X, Y, WEIGHTS)), logits_of(model)
    errors = {name: (logits[name] - Y[name]) ** 2 for name in Y}
    # Keras' own losses divide by the number of examples, its metrics by the weights.
    loss = sum((WEIGHTS[name] * errors[name]).mean() for name in Y)
    assert found["loss"] == pytest.approx(loss, rel=1e-5)
    for name, weight in WEIGHTS.items():
        mean = np.average(errors[name], weights=weight)
        assert found[f"{name}_mean_squared_error"] == pytest.approx(mean, rel=1e-5)
    assert isinstance(model.optimizer, keras.optimizers.SGD)


def test_adam_is_the_optimizer_by_default():
    optimizer = compiled().optimizer
    assert isinstance(optimizer, optimizers.LazyAdam)
    assert float(optimizer.learning_rate) == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("ours", "keras_own"),
    [
        (optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2)),
        (
            optimizers.SparseAdagrad(0.1),
            keras.optimizers.Adagrad(0.1, epsilon=1e-7),
        ),
    ],
    ids=["adam", "adagrad"],
)
def test_optimizers_of_keras_get_sums_over_equal_rows(ours, keras_own):
    # Given row by row, they would square the parts of such a sum.
    weights = []
    for optimizer in (ours, keras_own):
        model = made("LogisticRegression")
        model.compile(optimizer)
        x, y, _ = rows(64)
        model.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0)
        weights.append(np.asarray(model.value_weights.table.embeddings))
    np.testing.assert_allclose(*weights, atol=1e-5)


class Requests(LogisticRegression):
    """Sees a request and its candidates as one example of several predictions."""

    def call(self, inputs, training=False):
        items = part(inputs, ["item"], PLAIN)
        user = part(inputs, USER_ROLES, PLAIN)
        return self.score(self.encode_user(user), items)

    def build(self, input_shape=None):
        if not self.built:
            super().call(blank_row(PLAIN))
            self.built = True


@pytest.mark.parametrize("weights", ["by label", "by example", None])
def test_predictions_of_an_example_count_like_examples_of_their_own(weights):
    rng, shape = np.random.default_rng(3), (20, 4)
    x = {name: value[:20] for name, value in X.items()}
    items = candidates(x, 4, PLAIN)
    flat = {**pairs(x, items, PLAIN), "group_id": np.repeat(x["group_id"], 4)}
    y = {name: rng.integers(0, 2, shape).astype("float32") for name in Y}
    given = {
        "by label": {n: rng.integers(0, 3, shape).astype("float32") for n in Y},
        "by example": rng.uniform(0.5, 2, 20).astype("float32"),
        None: None,
    }[weights]
    pointwise = {
        "by label": lambda: {name: value.ravel() for name, value in given.items()},
        "by example": lambda: np.repeat(given, 4),
        None: lambda: None,
    }[weights]()
    labels = {name: value.ravel() for name, value in y.items()}
    model, ours = compiled(grouped_auc=True), Requests(PLAIN)
    ours.build()
    ours.set_weights(model.get_weights())
    ours.compile(run_eagerly=True, grouped_auc=True)
    expected = evaluated(model, weighed(flat, labels, pointwise), 80)
    found = evaluated(ours, weighed({**x, **items}, y, given), 20)
    assert found == pytest.approx(expected, rel=1e-5)


def weighed(x, y, weights):
    return (x, y) if weights is None else (x, y, weights)
