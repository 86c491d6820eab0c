"""What adaptive layers learn that static ones cannot: planted effects.

All models are linear in their inputs (no activation), so that nothing but the generated
weights can tell groups or products of inputs apart. A multi-layer ReLU network that
gets the condition as an input learns these too; it proves nothing about the layers.
"""

import keras
import numpy as np
import pytest
from keras import ops

from tfctr.layers import (
    DecomposedAdaptiveDense,
    FullAdaptiveDense,
    OverParameterizedAdaptiveDense,
    SharedAdaptiveDense,
)
from tfctr.metrics.arrays.overall import auc

pytestmark = pytest.mark.slow

WIDTH, GROUPS, SUBSPACE, CONDITION, UNITS = 16, 200, 3, 8, 8
TRAIN, TEST = 60_000, 20_000


def grouped_data(seed=0):
    """Each group has a direction of its own in one subspace of 3 dimensions."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(WIDTH, SUBSPACE)))[0]
    directions = rng.normal(size=(GROUPS, SUBSPACE)) @ basis.T
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    inputs = rng.normal(size=(TRAIN + TEST, WIDTH)).astype("float32")
    groups = rng.integers(0, GROUPS, TRAIN + TEST)
    logits = 4 * (inputs * directions[groups]).sum(axis=1)
    labels = rng.uniform(size=len(logits)) < 1 / (1 + np.exp(-logits))
    return (inputs, groups.astype("int32")), labels.astype("float32"), logits


def product_data(seed=0):
    """The label depends on `x_0 x_1 + x_2 x_3` alone."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(TRAIN + TEST, 8)).astype("float32")
    logits = 3 * (inputs[:, 0] * inputs[:, 1] + inputs[:, 2] * inputs[:, 3])
    labels = rng.uniform(size=len(logits)) < 1 / (1 + np.exp(-logits))
    return inputs, labels.astype("float32"), logits


class Linear(keras.Model):
    """A layer and a linear logit, on features and the embedding of a group."""

    def __init__(self, layer, condition="group"):
        super().__init__()
        self.layer, self.condition = layer, condition
        self.embedding = keras.layers.Embedding(
            GROUPS,
            CONDITION,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=0.5, seed=1),
        )
        self.logit = keras.layers.Dense(
            1, kernel_initializer=keras.initializers.GlorotUniform(seed=2)
        )

    def call(self, inputs):
        features, groups = inputs
        if self.condition == "constant":
            groups = ops.zeros_like(groups)
        condition = self.embedding(groups)
        if self.condition == "detached":
            condition = ops.stop_gradient(condition)
        if isinstance(self.layer, keras.layers.Dense):
            return self.logit(self.layer(ops.concatenate([features, condition], -1)))
        return self.logit(self.layer(features, condition))


def learnt(model, data, epochs):
    """AUC on rows that were not trained on."""
    inputs, labels, _ = data
    train = keras.tree.map_structure(lambda values: values[:TRAIN], inputs)
    test = keras.tree.map_structure(lambda values: values[TRAIN:], inputs)
    model.compile(
        keras.optimizers.Adam(3e-3),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    keras.utils.set_random_seed(0)
    model.fit(train, labels[:TRAIN], batch_size=1024, epochs=epochs, verbose=0)
    logits = model.predict(test, batch_size=4096, verbose=0)[:, 0]
    return auc(labels[TRAIN:], logits)


def best(data):
    """AUC of the true logits."""
    _, labels, logits = data
    return auc(labels[TRAIN:], logits[TRAIN:])


@pytest.fixture(scope="module")
def groups():
    return grouped_data()


def grouped(groups, layer, condition="group"):
    return learnt(Linear(layer, condition), groups, epochs=12)


def test_weights_of_each_group_are_learnt_where_static_ones_stay_at_chance(groups):
    assert best(groups) == pytest.approx(0.949, abs=0.005)
    adaptive = grouped(groups, SharedAdaptiveDense(UNITS, rank=4))
    static = grouped(groups, keras.layers.Dense(UNITS))
    assert adaptive > 0.93
    assert static < 0.6


def test_rank_below_that_of_the_effect_is_clearly_worse(groups):
    low = grouped(groups, SharedAdaptiveDense(UNITS, rank=2))
    assert 0.75 < low < 0.91


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # of the embedding
def test_constant_and_untrained_conditions_lose_the_effect(groups):
    layer = SharedAdaptiveDense(UNITS, rank=4)
    assert grouped(groups, layer, "constant") < 0.6
    layer = SharedAdaptiveDense(UNITS, rank=4)
    assert grouped(groups, layer, "detached") < 0.8


def test_other_versions_learn_the_effect_too(groups):
    for layer in (
        FullAdaptiveDense(UNITS),
        DecomposedAdaptiveDense(UNITS, rank=4),
        OverParameterizedAdaptiveDense(UNITS, rank=4, inner_width=8),
    ):
        assert grouped(groups, layer) > 0.93, type(layer).__name__


def test_self_wise_layer_learns_products_of_inputs():
    data = product_data()
    inputs = keras.Input((8,))
    hidden = SharedAdaptiveDense(UNITS, rank=4)(inputs, inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    adaptive = learnt(model, data, 12)
    static = learnt(
        keras.Sequential([keras.layers.Dense(UNITS), keras.layers.Dense(1)]), data, 3
    )
    assert adaptive > best(data) - 0.01
    assert static < 0.53
