"""Tests of `tfctr.models.ESMM`."""

import numpy as np
import pytest

from tests.models.data import PLAIN, made, rows
from tfctr.models import Task

X, Y, WEIGHTS = rows(60, schema=PLAIN)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, "float64")))


def log_loss(labels, p):
    return -np.log(np.where(labels == 1, p, 1 - p)).mean()


def test_towers_share_embeddings_and_nothing_else():
    model = made("ESMM", PLAIN)
    flat = np.asarray(model.embeddings(X)).reshape(60, -1)
    for place, logits in enumerate(model(X).values()):
        tower = model.towers.towers[place]
        expected = model.towers.output_layers[place](tower(flat))
        np.testing.assert_allclose(logits, expected[:, 0], rtol=1e-4, atol=1e-4)


def test_conversions_are_trained_on_all_impressions():
    """Equation (4): cross-entropy of clicks, and of clicks that convert."""
    model = made("ESMM", PLAIN)
    model.compile(weighted_metrics=[], run_eagerly=True)
    found = model.evaluate(X, Y, sample_weight=WEIGHTS, batch_size=60, verbose=0)
    click, buy = (sigmoid(logits) for logits in model(X).values())
    both = log_loss(Y["click"] * Y["buy"], click * buy)
    assert found[0] == pytest.approx(log_loss(Y["click"], click) + both, rel=1e-4)


def test_tasks_that_are_given_take_the_place_of_its_own():
    model = made("ESMM", PLAIN)
    model.compile(tasks=[Task("click")], weighted_metrics=[], run_eagerly=True)
    ones = {"click": np.ones(60), "buy": Y["click"]}
    found = model.evaluate(X, Y, sample_weight=ones, batch_size=60, verbose=0)
    click, buy = (sigmoid(logits) for logits in model(X).values())
    seen = Y["click"] == 1
    clicked = log_loss(Y["buy"][seen], buy[seen])
    assert found[0] == pytest.approx(log_loss(Y["click"], click) + clicked, rel=1e-4)
