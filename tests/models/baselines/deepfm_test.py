"""Tests of `tfctr.models.DeepFM`."""

from itertools import combinations

import numpy as np
import pytest

from tests.models.data import SIZED, made, rows
from tfctr.models import DeepFM

X, _, _ = rows(16)


def test_logit_is_the_sum_of_linear_part_pairs_and_mlp():
    model = made("DeepFM")
    rows = np.asarray(model.embeddings(X), "float64")  # (batch, fields, dim + labels)
    vectors, first_order = rows[..., : model.dim], rows[..., model.dim :].sum(axis=1)
    pairs = sum((i * j).sum(-1) for i, j in combinations(np.moveaxis(vectors, 1, 0), 2))
    flat = vectors.reshape(len(vectors), -1)
    deep = np.asarray(model.output_layer(model.mlp(flat.astype("float32"))))
    for place, logits in enumerate(model(X).values()):
        expected = first_order[:, place] + pairs + deep[:, place]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_all_parts_read_one_table():
    model = made("DeepFM")
    assert [w.path for w in model.weights if "table" in w.path] == [
        f"{model.name}/embeddings/table/embeddings"
    ]


def test_linear_weights_start_near_zero():
    model = DeepFM(SIZED)
    model.build()
    rows = np.asarray(model.embeddings.table.embeddings)
    assert rows[:, : model.dim].std() == pytest.approx(0.05, rel=0.1)
    assert rows[:, model.dim :].std() == pytest.approx(0.001, rel=0.2)
