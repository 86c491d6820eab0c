"""Tests of `tfctr.models.DeepFM`."""

from itertools import combinations

import numpy as np

from tests.models.data import made, rows

X, _, _ = rows(16)


def test_logit_is_the_sum_of_linear_part_pairs_and_mlp():
    model = made("DeepFM")
    names = model.embeddings.fields()
    vectors, linear = model.embeddings(X), model.linear(X)
    vectors = {name: np.asarray(vectors[name], "float64") for name in names}
    first_order = sum(np.asarray(linear[name], "float64") for name in names)
    pairs = sum((vectors[i] * vectors[j]).sum(-1) for i, j in combinations(names, 2))
    flat = np.concatenate([vectors[name] for name in names], axis=-1)
    deep = np.asarray(model.output_layer(model.mlp(flat.astype("float32"))))
    for place, logits in enumerate(model(X).values()):
        expected = first_order[:, place] + pairs + deep[:, place]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_pairs_and_mlp_share_their_embeddings():
    model = made("DeepFM")
    tables = [w.path for w in model.weights if "table_item_id" in w.path]
    assert len(tables) == 2  # one for the linear part, one for all else
