"""Tests of `tfctr.models.DHEN`, with C6 of the methods file."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import SIZED, made, rows
from tfctr.errors import InputError, UnknownName
from tfctr.features import Label
from tfctr.layers import MLPModule
from tfctr.layers.interaction.ensemble.module_specs import PRESETS
from tfctr.models import DHEN

X, Y, _ = rows(16)


def names(model):
    return [[type(m).__name__ for m in layer.modules] for layer in model.ensembles]


@pytest.mark.parametrize(
    ("preset", "depth", "expected"),
    [
        (
            "pinterest_cvr",
            None,
            [["MLPModule", "TransformerModule"], ["MLPModule", "MaskModule"]],
        ),
        ("meta", 3, [["DotModule", "LinearModule"]] * 3),
        (
            "pinterest_cvr",
            3,
            [
                ["MLPModule", "TransformerModule"],
                ["MLPModule", "MaskModule"],
                ["MLPModule", "TransformerModule"],
            ],
        ),
    ],
)
def test_presets_and_depth(preset, depth, expected):
    model = made("DHEN", layers=preset, depth=depth)
    assert names(model) == expected
    again = DHEN.from_config(model.get_config())
    again.build()
    assert names(again) == expected


def test_presets_are_those_of_the_papers():
    assert PRESETS["pinterest_cvr"] == (("mlp", "transformer"), ("mlp", "mask"))
    assert PRESETS["meta"][0] == ("dot", "linear")


def test_logits_are_those_of_the_layers_one_after_the_other():
    model = made("DHEN")
    fields = model.embeddings(X)
    for layer in model.ensembles:
        fields = layer(fields)
    flat = np.asarray(fields).reshape(16, -1)
    for place, (label, logits) in enumerate(model(X).items()):
        (hidden,) = model.towers.towers[place].dense_layers
        inner = flat @ np.asarray(hidden.kernel) + np.asarray(hidden.bias)
        output = model.towers.output_layers[place]
        expected = np.maximum(inner, 0) @ np.asarray(output.kernel)
        expected = expected[:, 0] + np.asarray(output.bias)
        np.testing.assert_allclose(
            logits, expected, rtol=1e-4, atol=1e-5, err_msg=label
        )


def test_without_towers_logits_are_linear_in_the_last_layer():
    model = made("DHEN", hidden_units=())
    assert model.towers.towers == [None, None]
    assert not [w.path for w in model.weights if "tower_" in w.path]


def test_another_label_leaves_the_logits_of_the_others():
    """C6."""
    arguments = {"dim": 4, "layers": "meta", "hidden_units": (8,), "seed": 3}
    few = DHEN(SIZED, **arguments)
    more = DHEN(
        dataclasses.replace(SIZED, labels=(Label("first"), *SIZED.labels)), **arguments
    )
    logits = more(X)
    assert list(logits) == ["first", *(label.name for label in SIZED.labels)]
    for name, expected in few(X).items():
        np.testing.assert_array_equal(logits[name], expected)


def test_labels_that_are_not_observed_give_no_gradient():
    """C6: nor do labels of weight 0, and weights scale the loss."""
    model = made("DHEN")
    model.compile(optimizer=keras.optimizers.SGD(0.1), weighted_metrics=[])
    losses, gradients = [], []
    for weight in (0.0, 1.0, 2.0):
        # Of the mean over all examples: the loss of `click` alone is there with 0.
        weights = {"click": np.ones(16), "buy": np.full(16, weight)}
        weights = {name: tf.constant(w, tf.float32) for name, w in weights.items()}
        with tf.GradientTape() as tape:
            loss = model.compute_loss(X, Y, model(X, training=True), weights)
        losses.append(float(loss))
        found = tape.gradient(loss, model.towers.output_layers[1].kernel.value)
        gradients.append(0 if found is None else float(tf.norm(found)))
    assert gradients[0] == 0
    assert gradients[1] > 0
    assert losses[1] > losses[0]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"layers": "pinterest"}, UnknownName, "Did you mean 'pinterest_cvr'"),
        ({"layers": []}, InputError, "`layers`: received"),
        ({"layers": ["mlp", "linear"]}, InputError, "`layers`: received"),
        ({"layers": [["mpl"]]}, UnknownName, "Did you mean 'mlp'"),
        ({"depth": 0}, InputError, "`depth`: received 0"),
        ({"ensemble": "mean"}, InputError, "`ensemble`: received mean"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        DHEN(SIZED, **arguments)


def test_a_module_may_be_an_object():
    model = made("DHEN", layers=[[MLPModule([5]), "linear"]])
    again = DHEN.from_config(model.get_config())
    again.build()
    again.set_weights(model.get_weights())
    for name, expected in model(X).items():
        np.testing.assert_array_equal(again(X)[name], expected)
