"""Tests of `tfctr.models.DCNv2`."""

import numpy as np

from tests.models.data import made, rows

X, _, _ = rows(16)


def test_logit_is_linear_in_crosses_and_mlp():
    model = made("DCNv2")
    fields = np.asarray(model.embeddings(X))
    flat = fields.reshape(len(fields), -1)
    crossed = flat
    for u, v, b in zip(
        model.cross_network.projections,
        model.cross_network.kernels,
        model.cross_network.biases,
        strict=True,
    ):
        crossed = flat * (crossed @ np.asarray(u) @ np.asarray(v) + b) + crossed
    deep = flat
    for dense in model.mlp.dense_layers:
        deep = np.maximum(deep @ np.asarray(dense.kernel) + np.asarray(dense.bias), 0)
    output = model.output_layer
    expected = np.concatenate([crossed, deep], axis=-1) @ np.asarray(output.kernel)
    expected = expected + np.asarray(output.bias)
    for place, logits in enumerate(model(X).values()):
        np.testing.assert_allclose(logits, expected[:, place], rtol=1e-3, atol=1e-4)


def test_crosses_have_full_rank_by_default():
    model = made("DCNv2", rank=None)
    width = 4 * len(model.embeddings.fields())
    assert [tuple(k.shape) for k in model.cross_network.kernels] == [(width, width)] * 2
    assert not model.cross_network.projections
