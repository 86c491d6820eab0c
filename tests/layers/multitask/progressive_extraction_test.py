"""Tests of `tfctr.layers.ProgressiveExtraction`."""

import numpy as np
import pytest
from scipy.special import softmax

from tfctr.errors import InputError
from tfctr.layers import ProgressiveExtraction

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 3, 5)).astype("float32")  # click, buy, shared
GROUPS = {"click": 0, "buy": 1, "shared": 2}


def made(shape=X.shape, **arguments):
    layer = ProgressiveExtraction(
        ["click", "buy"],
        num_task_experts=2,
        num_shared_experts=1,
        hidden_units=[4],
        seed=1,
        **arguments,
    )
    layer.build(shape)
    for weight in layer.trainable_variables:
        weight.assign(np.asarray(weight) + RNG.normal(scale=0.3, size=weight.shape))
    return layer


def experts_of(layer, group, x):
    made = []
    for expert in layer.experts[group]:
        (dense,) = expert.dense_layers
        hidden = x @ np.asarray(dense.kernel) + np.asarray(dense.bias)
        made.append(np.maximum(hidden, 0))
    return made


def expected_of(layer, inputs, group, seen):
    """The mixture of one group, from inputs by group."""
    experts = [e for other in seen for e in experts_of(layer, other, inputs[other])]
    gates = softmax(inputs[group] @ np.asarray(layer.gate_kernels[group]), axis=-1)
    return sum(gates[:, [k]] * expert for k, expert in enumerate(experts))


@pytest.mark.parametrize("first", [True, False])
def test_tasks_see_their_own_experts_and_the_shared_ones(first):
    x = X[:, 0] if first else X
    layer = made(x.shape)
    inputs = {group: x if first else X[:, place] for group, place in GROUPS.items()}
    found = layer(x)
    assert found.shape == (6, 3, 4)
    for group, seen in (
        ("click", ["click", "shared"]),
        ("buy", ["buy", "shared"]),
        ("shared", ["click", "buy", "shared"]),
    ):
        expected = expected_of(layer, inputs, group, seen)
        np.testing.assert_allclose(
            found[:, GROUPS[group]], expected, rtol=1e-4, atol=1e-5
        )


def test_the_last_level_gives_what_tasks_take():
    layer = made(last=True)
    assert layer(X).shape == (6, 2, 4)
    assert list(layer.gates(X)) == ["click", "buy"]
    assert not [w.path for w in layer.weights if "gate_shared" in w.path]


def test_experts_of_a_task_do_not_reach_another():
    layer = made(last=True)
    before = np.asarray(layer(X))
    kernel = layer.experts["buy"][0].dense_layers[0].kernel
    kernel.assign(np.asarray(kernel) + 1)
    after = np.asarray(layer(X))
    np.testing.assert_array_equal(after[:, 0], before[:, 0])
    assert np.abs(after[:, 1] - before[:, 1]).max() > 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"tasks": ["click", "shared"]}, "`tasks`: received shared"),
        ({"tasks": ["click"], "num_task_experts": 0}, "`num_task_experts`: received 0"),
        ({"tasks": ["click"], "num_shared_experts": 0}, "`num_shared_experts`"),
    ],
)
def test_bad_arguments_are_refused(arguments, text):
    with pytest.raises(InputError, match=text):
        ProgressiveExtraction(**arguments)


def test_inputs_of_another_number_of_groups_are_refused():
    with pytest.raises(InputError, match=r"`inputs`.*3 on the second axis"):
        ProgressiveExtraction(["click", "buy"])(X[:, :2])
