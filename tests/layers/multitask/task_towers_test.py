"""Tests of `tfctr.layers.TaskTowers`."""

import numpy as np
import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.layers import TaskTowers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 2, 5)).astype("float32")
TASKS = ["click", "buy"]


def made(hidden_units=(4, 3), tasks=TASKS):
    layer = TaskTowers(tasks, hidden_units=hidden_units, seed=1)
    layer.build((None, 5))
    for weight in layer.trainable_variables:
        weight.assign(np.asarray(weight) + RNG.normal(scale=0.3, size=weight.shape))
    return layer


def dense(layer, values):
    return values @ np.asarray(layer.kernel) + np.asarray(layer.bias)


def logits(layer, place, hidden):
    for part in layer.towers[place].dense_layers if layer.towers[place] else ():
        hidden = np.maximum(dense(part, hidden), 0)
    return dense(layer.output_layers[place], hidden)[:, 0]


@pytest.mark.parametrize("hidden_units", [(4, 3), ()])
def test_tasks_share_an_input_or_have_their_own(hidden_units):
    layer = made(hidden_units)
    shared = np.stack([logits(layer, task, X[:, 0]) for task in (0, 1)], axis=-1)
    np.testing.assert_allclose(layer(X[:, 0]), shared, rtol=1e-4, atol=1e-5)
    own = np.stack([logits(layer, task, X[:, task]) for task in (0, 1)], axis=-1)
    np.testing.assert_allclose(layer(X), own, rtol=1e-4, atol=1e-5)


def test_another_task_leaves_the_logits_of_the_others():
    few, more = (TaskTowers(tasks, seed=1) for tasks in (TASKS, ["like", *TASKS]))
    np.testing.assert_array_equal(few(X[:, 0]), np.asarray(more(X[:, 0]))[:, 1:])


def test_tasks_start_with_values_of_their_own():
    layer = TaskTowers(TASKS, seed=1)
    made = np.asarray(layer(X[:, 0]))
    assert np.abs(made[:, 0] - made[:, 1]).min() > 0


@pytest.mark.parametrize("tasks", [[], "click", ["click", "click"]])
def test_what_is_no_list_of_tasks_is_refused(tasks):
    with pytest.raises(InputError, match="`tasks`: received"):
        TaskTowers(tasks)


def test_inputs_of_another_number_of_tasks_are_refused():
    with pytest.raises(InputError, match=r"`inputs`: received shape.*2 tasks"):
        TaskTowers(TASKS)(np.ones((6, 3, 5), "float32"))


def test_a_task_with_several_outputs_leaves_the_others_as_they_were():
    plain = TaskTowers(["click", "spend", "buy"], hidden_units=[4], seed=3)
    wide = TaskTowers(
        ["click", "spend", "buy"], outputs={"spend": 3}, hidden_units=[4], seed=3
    )
    inputs = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
    found, before = np.asarray(wide(inputs)), np.asarray(plain(inputs))
    assert found.shape == (5, 5)
    np.testing.assert_allclose(found[:, [0, 4]], before[:, [0, 2]], rtol=1e-6)
    names = {weight.path.split("/", 1)[1] for weight in wide.weights_of("spend")}
    assert {name.split("/")[0] for name in names} == {"tower_spend", "output_spend"}
    assert len(wide.weights_of("spend")) == 4


@pytest.mark.parametrize(
    ("outputs", "error", "text"),
    [
        ({"by": 2}, UnknownName, "Did you mean 'buy'"),
        ({"buy": 0}, InputError, "a positive number"),
    ],
)
def test_outputs_are_those_of_tasks(outputs, error, text):
    with pytest.raises(error, match=text):
        TaskTowers(["click", "buy"], outputs=outputs)
