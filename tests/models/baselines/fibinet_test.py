"""Tests of `tfctr.models.FiBiNET`."""

from itertools import combinations

import numpy as np
import pytest

from tests.models.data import SIZED, made, rows
from tfctr.errors import UnknownName
from tfctr.layers import MLP
from tfctr.models import FiBiNET

X, _, _ = rows(16)


def products(fields, kernel):
    """`(batch, pairs * dim)` products, one matrix for each first field."""
    pairs = combinations(range(fields.shape[1]), 2)
    parts = [(fields[:, i] @ kernel[i]) * fields[:, j] for i, j in pairs]
    return np.concatenate(parts, axis=-1)


def test_logit_is_linear_part_and_mlp_on_both_kinds_of_products():
    model = made("FiBiNET")
    assert isinstance(model.mlp, MLP)
    rows = np.asarray(model.embeddings(X), "float64")
    fields, weights = rows[..., : model.dim], rows[..., model.dim :]
    layer = model.squeeze_excitation
    squeezed = np.maximum(fields.mean(-1) @ np.asarray(layer.squeeze_kernel), 0)
    excited = np.maximum(squeezed @ np.asarray(layer.excite_kernel), 0)
    assert (excited > 0).any()
    plain = products(fields, np.asarray(model.bilinear.kernel))
    weighted = products(
        fields * excited[..., None], np.asarray(model.weighted_bilinear.kernel)
    )
    hidden = np.concatenate([plain, weighted], axis=-1)
    for dense in model.mlp.dense_layers:
        hidden = np.asarray(dense.bias) + hidden @ np.asarray(dense.kernel)
        hidden = np.maximum(hidden, 0)
    output = model.output_layer
    deep = hidden @ np.asarray(output.kernel) + np.asarray(output.bias)
    for place, logits in enumerate(model(X).values()):
        expected = weights[..., place].sum(axis=1) + deep[:, place]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_both_bilinear_layers_have_matrices_of_their_own():
    model = FiBiNET(SIZED, dim=4, hidden_units=(4,))
    model.build()
    difference = model.bilinear.kernel - model.weighted_bilinear.kernel
    assert np.abs(difference).min() > 0


def test_arguments_reach_the_layers():
    model = made("FiBiNET", bilinear_type="all", reduction_ratio=5)
    count = len(model.embeddings.fields())
    assert model.bilinear.kernel.shape == (1, 4, 4)
    assert model.weighted_bilinear.kernel.shape == (1, 4, 4)
    assert model.squeeze_excitation.squeeze_kernel.shape == (count, count // 5)


def test_unknown_type_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'interaction'"):
        FiBiNET(SIZED, bilinear_type="interactions")
