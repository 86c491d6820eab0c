"""Tests of `tfctr.models.WDL`."""

import numpy as np

from tests.models.data import made, rows
from tfctr.layers import MLP

X, _, _ = rows(16)


def test_logit_is_the_sum_of_wide_and_deep():
    model = made("WDL")
    assert isinstance(model.mlp, MLP)
    rows = np.asarray(model.embeddings(X), "float64")  # (batch, fields, dim + labels)
    deep = rows[..., : model.dim].reshape(len(rows), -1)
    for dense in model.mlp.dense_layers:
        deep = np.maximum(deep @ np.asarray(dense.kernel) + np.asarray(dense.bias), 0)
    output = model.output_layer
    deep = deep @ np.asarray(output.kernel) + np.asarray(output.bias)
    for place, logits in enumerate(model(X).values()):
        expected = rows[..., model.dim + place].sum(axis=1) + deep[:, place]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_without_the_deep_part_effects_of_features_add_up():
    model, (other, _, _) = made("WDL"), rows(16, seed=5)
    model.output_layer.kernel.assign(np.zeros(model.output_layer.kernel.shape))
    one, two = ({**X, name: other[name]} for name in ("age", "item_id"))
    both = {**one, "item_id": other["item_id"]}
    change = model(one)["click"] - model(X)["click"]
    np.testing.assert_allclose(
        model(both)["click"] - model(two)["click"], change, atol=2e-5
    )
    assert np.abs(change).max() > 0.01
