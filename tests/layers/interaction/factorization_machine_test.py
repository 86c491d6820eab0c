"""Tests of `tfctr.layers.FactorizationMachine`."""

from itertools import combinations

import numpy as np
import pytest
import tensorflow as tf

from tfctr import kernels, native
from tfctr.layers import EmbeddingTable, FactorizationMachine
from tfctr.layers.embedding.frozen_rows import FrozenRows

RNG = np.random.default_rng(0)


def pair_sum(fields):
    """`(batch, 1)` sums over all pairs, one pair at a time."""
    pairs = combinations(range(fields.shape[1]), 2)
    return sum((fields[:, [i]] * fields[:, [j]]).sum(-1) for i, j in pairs)


@pytest.mark.parametrize("shape", [(4, 2, 3), (3, 6, 5), (2, 9, 1)])
def test_equals_the_sum_over_pairs(shape):
    fields = RNG.normal(size=shape).astype("float32")
    result = FactorizationMachine()(fields)
    np.testing.assert_allclose(result, pair_sum(fields), rtol=1e-5, atol=1e-5)
    assert result.shape == (shape[0], 1)


def test_one_field_has_no_pairs():
    fields = np.float32([[[1.0, -2.0]]])
    np.testing.assert_allclose(FactorizationMachine()(fields), [[0.0]])


def test_order_of_fields_does_not_matter():
    fields = RNG.normal(size=(4, 5, 3)).astype("float32")
    layer = FactorizationMachine()
    np.testing.assert_allclose(layer(fields[:, ::-1]), layer(fields), rtol=1e-5)


def test_half_precision_sums_in_single():
    # In float16 the square of the sum, 160,000, would be infinite.
    fields = np.full((1, 4, 1), 100.0, "float16")
    layer = FactorizationMachine(dtype="mixed_float16")
    result = layer(fields)
    assert result.dtype == "float16"
    np.testing.assert_allclose(result, [[60_000.0]], rtol=1e-3)


def test_gradient_of_a_field_is_the_sum_of_the_others():
    fields = tf.Variable(RNG.normal(size=(3, 4, 2)).astype("float32"))
    upstream = np.float32([[1.0], [-2.0], [0.5]])
    with tf.GradientTape() as tape:
        pairs = FactorizationMachine()(fields)
    gradient = tape.gradient(pairs, fields, output_gradients=upstream)
    others = fields.numpy().sum(axis=1, keepdims=True) - fields.numpy()
    np.testing.assert_allclose(gradient, upstream[:, None] * others, rtol=1e-5)


def test_compiled_kernel_reads_no_table_with_frozen_rows(monkeypatch):
    table = EmbeddingTable(5, 3)
    table.build()
    places, machine = np.array([[0, 1], [4, 2]], "int32"), FactorizationMachine()
    monkeypatch.setattr(kernels, "is_read_compiled", lambda _: True)
    monkeypatch.setattr(kernels, "gather", tf.gather)
    monkeypatch.setattr(native, "table_factorization", lambda *_: "compiled")
    assert machine.table_parts(table, places, 2) == "compiled"
    expected = machine.parts(table(places), 2)
    table.freeze(FrozenRows([(1, 3)]))
    for part, wanted in zip(
        machine.table_parts(table, places, 2), expected, strict=True
    ):
        np.testing.assert_array_equal(part, wanted)
