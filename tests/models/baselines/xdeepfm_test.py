"""Tests of `tfctr.models.xDeepFM`."""

import numpy as np
import pytest

from tests.models.data import SIZED, made, rows
from tfctr.errors import InputError
from tfctr.layers import MLP
from tfctr.models import xDeepFM

X, _, _ = rows(16)


def test_logit_is_linear_part_explicit_interactions_and_mlp():
    model = made("xDeepFM")
    assert isinstance(model.mlp, MLP)
    rows = np.asarray(model.embeddings(X), "float64")
    fields, weights = rows[..., : model.dim], rows[..., model.dim :]
    maps, parts = fields, []
    for kernel in map(np.asarray, model.compressed_interaction.kernels):
        kernel = kernel.reshape(fields.shape[1], maps.shape[1], -1)
        maps = np.einsum("bid,bjd,jih->bhd", maps, fields, kernel)
        parts.append(maps.sum(axis=-1))
    deep = fields.reshape(len(fields), -1)
    for dense in model.mlp.dense_layers:
        deep = np.maximum(deep @ np.asarray(dense.kernel) + np.asarray(dense.bias), 0)
    output = model.output_layer
    rest = np.concatenate([*parts, deep], axis=-1) @ np.asarray(output.kernel)
    rest = rest + np.asarray(output.bias)
    for place, logits in enumerate(model(X).values()):
        expected = weights[..., place].sum(axis=1) + rest[:, place]
        scale = np.abs(expected).max()
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5 * scale)


def test_no_layer_of_the_interaction_network_is_refused():
    with pytest.raises(InputError, match=r"`num_feature_maps`: received \[\]"):
        xDeepFM(SIZED, num_feature_maps=())
