"""Tests of weights of tasks by the size of their gradients."""

import keras
import numpy as np
import pytest

from tests.models.data import PLAIN, made, rows
from tfctr.errors import InputError, UnknownName
from tfctr.layers import TaskTowers
from tfctr.losses import BinaryCrossEntropy
from tfctr.models import Task
from tfctr.models.gradnorm import GradNorm, gradient_norms

X, Y, WEIGHTS = rows(60, schema=PLAIN)


def settled(balance, losses, norms, counts=None, steps=100):
    counts = np.ones(len(losses), "float32") if counts is None else counts
    for _ in range(steps):
        balance.step(
            *(np.asarray(v, "float32") for v in (losses, norms)), np.float32(counts)
        )
    return np.asarray(balance.weights)


def test_gradients_come_to_be_of_one_size():
    norms = np.array([0.1, 2.0, 0.5])
    weights = settled(GradNorm("abc", alpha=1.5, rate=0.2), [3.0, 1.0, 2.0], norms)
    assert np.ptp(weights * norms) < 1e-4
    assert weights.sum() == pytest.approx(3, rel=1e-5)


def test_a_task_that_lags_behind_gets_more():
    """`c n` in proportion to `r^alpha`, with `r` the loss over that of the first."""
    balance = GradNorm("ab", alpha=0.5, rate=0.2)
    settled(balance, [1.0, 4.0], [1.0, 1.0], steps=1)
    weights = settled(balance, [0.8, 0.8], [1.0, 1.0])
    assert weights[0] / weights[1] == pytest.approx((0.8 / 0.2) ** 0.5, rel=1e-3)
    plain = GradNorm("ab", alpha=0)
    settled(plain, [1.0, 4.0], [1.0, 1.0], steps=1)
    np.testing.assert_allclose(settled(plain, [0.8, 0.8], [1.0, 1.0]), [1, 1])


def test_who_is_not_there_keeps_its_weight():
    balance = GradNorm("abc")
    settled(balance, [1.0, 1.0, 1.0], [1.0, 2.0, 4.0])
    before = np.asarray(balance.weights)
    after = settled(balance, [1.0, 0.0, 1.0], [5.0, 0.0, 1.0])
    assert after[1] == before[1]
    assert after.sum() == pytest.approx(3, rel=1e-5)
    off = settled(balance, [1.0, 1.0, 1.0], [9.0, 1.0, 1.0], counts=[1, 1, 0])
    assert off[2] == after[2]


def test_a_gradient_of_next_to_nothing_does_not_take_all():
    weights = settled(GradNorm("ab", rate=0.5), [1.0, 1.0], [1.0, 1e-20])
    assert np.isfinite(weights).all()
    assert weights[0] > 1e-4


def test_norms_are_those_of_the_gradients_by_what_towers_take():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(9, 4)).astype("float32")
    towers = TaskTowers(["click", "buy"], hidden_units=())
    towers(inputs)
    labels = rng.integers(0, 2, (9, 2)).astype("float32")
    weights = rng.integers(0, 3, (9, 2)).astype("float32")

    def losses(outputs):
        return [
            BinaryCrossEntropy()(
                labels[:, k : k + 1], outputs[:, k : k + 1], weights[:, k]
            )
            for k in range(2)
        ]

    expected = []
    for k, layer in enumerate(towers.output_layers):
        kernel = np.asarray(layer.kernel, "float64")
        p = 1 / (1 + np.exp(-(inputs @ kernel)[:, 0]))
        by_logit = weights[:, k] * (p - labels[:, k]) / weights[:, k].sum()
        expected.append(np.linalg.norm(by_logit[:, None] * kernel[:, 0]))
    found = gradient_norms(towers, inputs, losses)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["SharedBottom", "MMoE", "DHEN"])
def test_plain_fit_undoes_a_weight_that_drowns_a_task(name):
    model = made(name, PLAIN)
    model.compile(
        keras.optimizers.SGD(1e-3),
        tasks=[Task("click", weight=50.0)],
        balance={"kind": "gradnorm", "alpha": 0.0, "rate": 0.5},
        weighted_metrics=[],
        run_eagerly=name != "SharedBottom",
    )
    assert model.task_weights == {"click": 1.0, "buy": 1.0}
    model.fit(X, Y, sample_weight=WEIGHTS, batch_size=60, epochs=8, verbose=0)
    found = model.task_weights
    assert sum(found.values()) == pytest.approx(2, rel=1e-4)
    assert found["click"] < 0.3 < 1.7 < found["buy"]


def test_the_loss_is_that_of_the_weights_and_gradients_do_not_pass_them():
    """One step of SGD against one with the same weights, fixed."""
    results, tasks = [], None
    for balance in ({"kind": "gradnorm", "alpha": 0.0, "rate": 0.5}, "fixed"):
        model = made("SharedBottom", PLAIN)
        model.compile(
            keras.optimizers.SGD(0.1),
            tasks=tasks,
            balance=balance,
            weighted_metrics=[],
            run_eagerly=True,
        )
        loss = model.train_on_batch(X, Y, sample_weight=WEIGHTS)
        tasks = [Task(name, weight=w) for name, w in model.task_weights.items()]
        results.append((np.ravel(loss)[0], model.get_weights()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
    for one, other in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_settings_survive_a_file(tmp_path):
    model = made("SharedBottom", PLAIN)
    balance = {"kind": "gradnorm", "alpha": 0.5}
    model.compile(balance=balance, weighted_metrics=[])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_compile_config()["balance"] == balance
    assert again.objective.gradnorm.alpha == 0.5


@pytest.mark.parametrize(
    ("balance", "error", "text"),
    [
        ({"kind": "gradnorm", "alfa": 1.0}, UnknownName, "Did you mean 'alpha'"),
        ({"kind": "gradnorm", "alpha": -1.0}, InputError, "`alpha`"),
        ({"kind": "gradnorm", "rate": 0.0}, InputError, "`rate`"),
        ({"alpha": 1.0}, InputError, "a dict with a `kind`"),
        ({"kind": "uncertainty", "alpha": 1.0}, InputError, "expected no settings"),
    ],
)
def test_bad_settings_are_refused(balance, error, text):
    with pytest.raises(error, match=text):
        made("SharedBottom", PLAIN).compile(balance=balance)


def test_a_model_without_towers_is_refused():
    with pytest.raises(InputError, match="DeepFM, without a tower for each task"):
        made("DeepFM", PLAIN).compile(balance="gradnorm")


def test_inputs_of_towers_must_be_known():
    model = made("SharedBottom", PLAIN)
    model.compile(balance="gradnorm", weighted_metrics=[])
    with pytest.raises(InputError, match="a step of `fit`"):
        model.compute_loss(X, Y, model(X), WEIGHTS)
