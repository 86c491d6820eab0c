"""Tests of `tfctr.layers.ExpertMixture`."""

import numpy as np
import pytest
from scipy.special import softmax

from tfctr.errors import InputError
from tfctr.layers import ExpertMixture

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5)).astype("float32")


def made(**arguments):
    layer = ExpertMixture(["click", "buy"], seed=1, **arguments)
    layer.build(X.shape)
    for weight in layer.trainable_variables:
        weight.assign(np.asarray(weight) + RNG.normal(scale=0.3, size=weight.shape))
    return layer


def test_each_task_mixes_all_experts_by_its_own_gate():
    layer = made(num_experts=3, hidden_units=[4])
    experts = []
    for expert in layer.experts:
        (dense,) = expert.dense_layers
        hidden = X @ np.asarray(dense.kernel) + np.asarray(dense.bias)
        experts.append(np.maximum(hidden, 0))
    for place, kernel in enumerate(layer.gate_kernels):
        gates = softmax(X @ np.asarray(kernel), axis=-1)
        np.testing.assert_allclose(layer.gates(X)[:, place], gates, rtol=1e-4)
        expected = sum(gates[:, [e]] * experts[e] for e in range(3))
        np.testing.assert_allclose(layer(X)[:, place], expected, rtol=1e-4, atol=1e-5)


def test_one_expert_is_a_shared_bottom():
    layer = made(num_experts=1, hidden_units=[4, 3])
    expected = np.asarray(layer.experts[0](X))
    for place in (0, 1):
        np.testing.assert_allclose(layer(X)[:, place], expected, rtol=1e-6)


def test_experts_and_gates_start_with_values_of_their_own():
    layer = ExpertMixture(["click", "buy"], num_experts=2, hidden_units=[4])
    layer.build(X.shape)
    one, two = (np.asarray(expert(X)) for expert in layer.experts)
    assert np.abs(one - two).max() > 0
    assert np.abs(np.asarray(layer.gates(X))[:, 0] - layer.gates(X)[:, 1]).max() > 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"num_experts": 0}, "num_experts"), ({"hidden_units": []}, "hidden_units")],
)
def test_bad_arguments_are_refused(arguments, field):
    with pytest.raises(InputError, match=f"`{field}`: received"):
        ExpertMixture(["click"], **arguments)
