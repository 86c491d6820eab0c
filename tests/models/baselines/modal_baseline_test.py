"""Tests of `tfctr.models.ModalBaseline`: each way to fuse, in numpy."""

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tests.models.data import SIZED, made, rows
from tfctr.errors import UnknownName
from tfctr.models import ModalBaseline

X, _, _ = rows(8)
RNG = np.random.default_rng(0)
FUSIONS = ("concatenation", "late", "gated", "experts")


def dense(layer, x):
    kernel, bias = map(np.asarray, layer.weights)
    return x @ kernel + bias


def mlp(layer, x, activations):
    """A layer of ours of any depth: pairs of kernel and bias."""
    weights = [np.asarray(weight) for weight in layer.weights]
    for kernel, bias, act in zip(weights[::2], weights[1::2], activations, strict=True):
        x = act(x @ kernel + bias)
    return x


def relu(x):
    return np.maximum(x, 0)


def expected(model, fields, sides):
    """Logits `(rows, labels)` by the formulas of the docstring."""

    def logits(place, *parts):
        x = np.concatenate(parts, axis=-1)
        return dense(model.output_layers[place], mlp(model.towers[place], x, [relu]))

    every = np.concatenate(sides, axis=-1)
    if model.fusion == "concatenation":
        return logits(0, fields, every)
    if model.fusion == "late":
        return (logits(0, fields, sides[0]) + logits(1, sides[1])) / 2
    if model.fusion == "gated":
        fused = 0
        for side, part, gate in zip(sides, model.parts, model.gates, strict=True):
            gated = scipy.special.expit(dense(gate, every))
            fused = fused + gated * np.tanh(dense(part, side))
        return logits(0, fields, fused)
    known = [
        mlp(expert, side, [relu, relu])
        for expert, side in zip(model.experts, sides, strict=True)
    ]
    found = []
    for place, gate in enumerate(model.gates):
        both = np.concatenate([fields, every], axis=-1)
        weights = scipy.special.softmax(dense(gate, both), axis=-1)
        mixed = sum(weights[:, [m]] * known[m] for m in range(2))
        found.append(logits(place, fields, mixed))
    return np.concatenate(found, axis=-1)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_fusion_is_that_of_the_formula_and_trains_every_weight(fusion):
    model = made("ModalBaseline", fusion=fusion)
    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_sum(v**2) for v in model(X, training=True).values())
    weights = model.trainable_variables
    for weight, gradient in zip(
        weights, tape.gradient(loss, [w.value for w in weights]), strict=True
    ):
        assert gradient is not None, weight.path
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.path
    width = model.towers[0].weights[0].shape[0]
    width -= {"concatenation": 24, "late": 12}.get(fusion, 4)
    interests, candidates = RNG.normal(size=(2, 6, 2, 4)).astype("float32")
    fields = RNG.normal(size=(6, width)).astype("float32")
    sides = np.concatenate([interests, candidates, interests * candidates], axis=-1)
    found = {"interests": interests, "candidates": candidates, "fields": fields}
    logits, losses = model.fuse(found)
    assert losses == {}
    wanted = expected(model, fields, [sides[:, 0], sides[:, 1]])
    np.testing.assert_allclose(logits, wanted, rtol=1e-4, atol=1e-4)


def test_id_alone_is_a_baseline_too():
    for fusion in FUSIONS:
        model = made("ModalBaseline", fusion=fusion, modalities=())
        moved = {**X, "picture": X["picture"] + 1}
        for one, two in zip(model(X).values(), model(moved).values(), strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_fusion_that_does_not_exist_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'gated'"):
        ModalBaseline(SIZED, dim=4, fusion="gate")
