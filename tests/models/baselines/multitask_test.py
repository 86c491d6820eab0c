"""Tests of what models with a tower for each label have in common."""

import dataclasses

import numpy as np
import pytest

from tests.models.data import SIZED, SMALL, made, rows
from tfctr import models
from tfctr.features import Label
from tfctr.models import MultiTaskModel

X, _, _ = rows(16)
NAMES = ["SharedBottom", "ESMM", "MMoE", "PLE"]


class Sum(MultiTaskModel):
    """Towers on the sum of all inputs."""

    def shared(self, flat, training=False):
        return flat.numpy().sum(axis=-1, keepdims=True)


def test_towers_take_what_shared_makes_of_all_embeddings():
    model = Sum(SIZED, dim=4, hidden_units=())
    fields = np.asarray(model.embeddings(X), "float64").reshape(16, -1)
    for place, logits in enumerate(model(X).values()):
        output = model.towers.output_layers[place]
        expected = fields.sum(axis=-1, keepdims=True) @ np.asarray(output.kernel)
        np.testing.assert_allclose(logits, expected[:, 0], rtol=1e-4, atol=1e-5)


def test_what_is_shared_must_be_written():
    with pytest.raises(NotImplementedError, match="MultiTaskModel"):
        MultiTaskModel(SIZED, dim=4).shared(np.ones((2, 3)))


@pytest.mark.parametrize("name", NAMES)
def test_another_label_leaves_the_logits_of_the_others(name):
    """Weights start from seeds of the labels' names."""
    # What PLE's tasks share goes through a gate that has weights for each task.
    arguments = {**SMALL[name], **({"num_levels": 1} if name == "PLE" else {})}
    labels = (Label("first"), *SIZED.labels)
    more = dataclasses.replace(SIZED, labels=labels)
    few, many = (models.get(name)(s, **arguments, seed=3) for s in (SIZED, more))
    logits = many(X)
    for label, expected in few(X).items():
        np.testing.assert_allclose(logits[label], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_labels_have_towers_of_their_own(name):
    model = made(name)
    before = {label: np.asarray(logits) for label, logits in model(X).items()}
    bias = model.towers.output_layers[1].bias
    bias.assign(np.asarray(bias) + 1)
    after = model(X)
    np.testing.assert_array_equal(after["click"], before["click"])
    np.testing.assert_allclose(after["buy"], before["buy"] + 1, rtol=1e-5)
