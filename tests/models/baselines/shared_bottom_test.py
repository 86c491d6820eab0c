"""Tests of `tfctr.models.SharedBottom`."""

import numpy as np

from tests.models.data import made, rows

X, _, _ = rows(16)


def test_all_towers_take_the_same_mlp():
    model = made("SharedBottom")
    hidden = np.asarray(model.embeddings(X), "float64").reshape(16, -1)
    (dense,) = model.bottom.dense_layers
    hidden = np.maximum(hidden @ np.asarray(dense.kernel) + np.asarray(dense.bias), 0)
    for place, logits in enumerate(model(X).values()):
        (tower,) = model.towers.towers[place].dense_layers
        inner = hidden @ np.asarray(tower.kernel) + np.asarray(tower.bias)
        output = model.towers.output_layers[place]
        expected = np.maximum(inner, 0) @ np.asarray(output.kernel)
        expected = expected[:, 0] + np.asarray(output.bias)
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
