"""Tests of `tfctr.layers.HierarchicalEnsemble`: C1 to C4 of the methods file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError, UnknownName
from tfctr.layers import HierarchicalEnsemble, InteractionModule, LinearModule

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 4, 6)).astype("float32")
ALL = [
    {"module": "mlp", "hidden_units": [5]},
    "cross",
    "transformer",
    {"module": "mask", "units": 5},
    "linear",
    "convolution",
    {"module": "dot", "hidden_units": [5]},
    "factorization",
]


@keras.saving.register_keras_serializable("tests")
class Squares(InteractionModule):
    """A module of a user's own."""

    def interact(self, fields, training=False):
        return fields * fields


def normalized(values):
    """A layer normalisation with gain 1 and bias 0, in numpy."""
    values = np.asarray(values, "float64")
    centered = values - values.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-6)
    return centered / deviation


@pytest.mark.parametrize(
    ("modules", "ensemble", "num_outputs", "expected"),
    [
        (["linear", "dot"], "concat", 3, 6),
        (["linear", "dot"], "sum", 3, 3),
        (["linear", "dot"], "weighted", 3, 3),
        (["linear", "dot"], "concat", None, 4),
        (["linear", "dot", "mlp"], "concat", None, 6),
        (["linear", "dot", "mlp"], "sum", None, 4),
    ],
)
def test_number_of_outputs_and_the_shortcut(modules, ensemble, num_outputs, expected):
    """C1: no weights in the shortcut exactly where as many come out as go in."""
    layer = HierarchicalEnsemble(modules, ensemble=ensemble, num_outputs=num_outputs)
    assert layer.compute_output_shape(X.shape) == (5, expected, 6)
    assert layer(X).shape == (5, expected, 6)
    shapes = [tuple(weight.shape) for weight in layer.shortcut.weights]
    assert shapes == ([] if expected == 4 else [(4, expected)])


@pytest.mark.parametrize("ensemble", ["concat", "sum", "weighted"])
def test_without_what_modules_give_the_shortcut_is_left(ensemble):
    """C2, with identity and projection."""
    for num_outputs in (None, 3):
        layer = HierarchicalEnsemble(ALL, ensemble=ensemble, num_outputs=num_outputs)
        layer.build(X.shape)
        for module in layer.modules:
            module.output_kernel.assign(np.zeros(module.output_kernel.shape))
        shortcut = X
        if layer.shortcut.weights:
            kernel = np.asarray(layer.shortcut.weights[0])
            shortcut = np.einsum("bmd,ml->bld", X, kernel)
        np.testing.assert_allclose(layer(X), normalized(shortcut), atol=1e-5)


def test_ensembles_are_concatenation_sum_and_weighted_sum():
    """C2: a permuted list permutes blocks and leaves the sum as it is."""
    one, two = (LinearModule(num_outputs=3, seed=seed) for seed in (1, 2))
    made = [np.asarray(module(X)) for module in (one, two)]
    parts = {}
    for order in ((one, two), (two, one)):
        layers = {
            kind: HierarchicalEnsemble(order, ensemble=kind, num_outputs=3)
            for kind in ("concat", "sum", "weighted")
        }
        for kind, layer in layers.items():
            layer.build(X.shape)
            # Copies start from the seeds of what they were copied from.
            for weight in layer.shortcut.weights:
                weight.assign(np.zeros(weight.shape))
            parts.setdefault(kind, []).append(np.asarray(layer(X)))
    straight, turned = parts["concat"]
    np.testing.assert_allclose(straight, normalized(np.concatenate(made, 1)), atol=1e-5)
    np.testing.assert_array_equal(straight[:, :3], turned[:, 3:])
    np.testing.assert_array_equal(straight[:, 3:], turned[:, :3])
    for found in parts["sum"]:
        np.testing.assert_allclose(found, normalized(made[0] + made[1]), atol=1e-5)
    layer.module_logits.assign([np.log(3.0), 0.0])  # of the turned list
    np.testing.assert_allclose(layer.module_weights(), [0.75, 0.25], rtol=1e-6)
    expected = normalized(0.25 * made[0] + 0.75 * made[1])
    np.testing.assert_allclose(layer(X), expected, atol=1e-5)


def test_weights_of_modules_start_equal():
    layer = HierarchicalEnsemble(ALL, ensemble="weighted")
    layer.build(X.shape)
    np.testing.assert_allclose(layer.module_weights(), np.full(8, 1 / 8))


@pytest.mark.parametrize("ensemble", ["concat", "sum", "weighted"])
def test_one_module_of_one_field_is_an_ensemble(ensemble):
    layer = HierarchicalEnsemble(["transformer"], ensemble=ensemble)
    assert layer(X[:, :1]).shape == (5, 1, 6)


def test_outputs_have_mean_0_and_variance_1_over_the_width():
    """C3."""
    made = np.asarray(HierarchicalEnsemble(ALL)(X), "float64")
    np.testing.assert_allclose(made.mean(axis=-1), 0, atol=1e-6)
    np.testing.assert_allclose(made.var(axis=-1), 1, atol=1e-4)


def test_gradients_reach_the_first_of_four_layers():
    """C4."""
    x = tf.constant(X)
    layers = [HierarchicalEnsemble(["mlp", "transformer"], seed=k) for k in range(4)]
    states, direction = [x], RNG.normal(size=X.shape).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        for layer in layers:
            states.append(layer(states[-1]))
        loss = tf.reduce_sum(states[-1] * direction)
    gradients = tape.gradient(loss, states)
    norms = [float(tf.norm(gradient)) for gradient in gradients]
    assert np.isfinite(states[-1]).all()
    assert norms[0] > 1e-3 * norms[-1]


@pytest.mark.parametrize("registered", [True, False])
def test_modules_of_a_users_own_are_copied(registered):
    own = Squares(num_outputs=3, seed=5)
    layer = HierarchicalEnsemble([own, own], ensemble="sum", num_outputs=3)
    layer.build(X.shape)
    assert not own.built
    assert layer.modules[0] is not layer.modules[1]
    assert type(layer.modules[0]) is Squares
    if registered:
        again = HierarchicalEnsemble.from_config(layer.get_config())
        np.testing.assert_array_equal(again(X), layer(X))


def test_modules_of_one_name_start_with_values_of_their_own():
    layer = HierarchicalEnsemble(["linear", "linear"])
    layer.build(X.shape)
    one, two = (module.output_kernel for module in layer.modules)
    assert np.abs(np.asarray(one) - np.asarray(two)).min() > 0


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"modules": []}, InputError, "`modules`: received"),
        ({"modules": "mlp"}, InputError, "`modules`: received mlp"),
        ({"modules": ["mpl"]}, UnknownName, "Did you mean 'mlp'"),
        ({"modules": [3]}, InputError, "`module`: received 3"),
        ({"modules": [{"module": "mlp", "widths": 3}]}, InputError, "`module mlp`"),
        ({"modules": ["mlp"], "ensemble": "mean"}, InputError, "`ensemble`: received"),
        ({"modules": ["mlp"], "num_outputs": 0}, InputError, "`num_outputs`: received"),
        (
            {"modules": [{"module": "convolution", "kernel_size": 0}]},
            InputError,
            "`kernel_size`: received 0",
        ),
    ],
)
def test_bad_arguments_are_refused_before_any_data_comes(arguments, error, text):
    with pytest.raises(error, match=text):
        HierarchicalEnsemble(**arguments)


def test_modules_that_give_another_number_are_refused():
    layer = HierarchicalEnsemble([Squares(num_outputs=2), "linear"], num_outputs=3)
    with pytest.raises(InputError, match=r"`num_outputs of squares.*received 2"):
        layer(X)
