"""Tests of `tfctr.models.PNN`."""

from itertools import combinations

import numpy as np

from tests.models.data import made, rows
from tfctr.layers import MLP

X, _, _ = rows(16)


def test_mlp_sees_fields_and_their_products():
    model = made("PNN")
    assert isinstance(model.mlp, MLP)
    fields = np.asarray(model.embeddings(X), "float64")
    pairs = combinations(np.moveaxis(fields, 1, 0), 2)
    products = np.stack([(i * j).sum(-1) for i, j in pairs], axis=-1)
    hidden = np.concatenate([fields.reshape(len(fields), -1), products], axis=-1)
    for dense in model.mlp.dense_layers:
        hidden = np.asarray(dense.bias) + hidden @ np.asarray(dense.kernel)
        hidden = np.maximum(hidden, 0)
    output = model.output_layer
    expected = hidden @ np.asarray(output.kernel) + np.asarray(output.bias)
    for place, logits in enumerate(model(X).values()):
        np.testing.assert_allclose(logits, expected[:, place], rtol=1e-4, atol=1e-4)


def test_first_layer_has_one_input_for_each_pair():
    model = made("PNN")
    count = len(model.embeddings.fields())
    width = count * model.dim + count * (count - 1) // 2
    assert model.mlp.dense_layers[0].kernel.shape == (width, 8)
