"""Tests of `tfctr.models.MMoE`."""

import numpy as np

from tests.models.data import made, rows

X, _, _ = rows(16)


def test_towers_take_mixtures_of_the_same_experts():
    model = made("MMoE")
    flat = np.asarray(model.embeddings(X)).reshape(16, -1)
    experts = np.stack([np.asarray(e(flat)) for e in model.experts.experts], axis=1)
    gates = np.asarray(model.experts.gates(flat))
    for place, logits in enumerate(model(X).values()):
        mixed = (gates[:, place, :, None] * experts).sum(axis=1)
        tower = model.towers.towers[place]
        output = model.towers.output_layers[place]
        expected = np.asarray(output(tower(mixed)))[:, 0]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_labels_have_gates_of_their_own():
    model = made("MMoE")
    flat = np.asarray(model.embeddings(X)).reshape(16, -1)
    gates = np.asarray(model.experts.gates(flat))
    assert np.abs(gates[:, 0] - gates[:, 1]).max() > 0
