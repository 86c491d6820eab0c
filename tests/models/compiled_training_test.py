"""`fit` uses the compiled kernels and trains to the same weights; nothing else does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.export.deployment import small_parts
from tests.models.data import PLAIN, batches, made, rows
from tfctr import export, kernels, native
from tfctr.optimizers import LazyAdam

pytestmark = pytest.mark.skipif(
    not native.is_loaded(), reason="the kernels are not compiled: `tfctr kernels`"
)
DATA = rows(60, schema=PLAIN)
OURS = {
    "DeepFM": {"TfctrGatherRows", "TfctrUpdateRows", "TfctrFactorization"},
    "DIN": {"TfctrGatherRows", "TfctrUpdateRows", "TfctrPooledAttention"},
}


def operations_in(graph):
    nodes = graph.as_graph_def().node
    inner = graph.as_graph_def().library.function
    return {n.op for n in (*nodes, *(n for f in inner for n in f.node_def))}


def fitted(name, **options):
    """The model after two epochs, and the operations of its training step."""
    model = made(name, PLAIN)
    model.compile(optimizer=LazyAdam(0.05), weighted_metrics=[], **options)
    model.fit(batches(20, DATA), epochs=2, verbose=0)
    step = tf.function(model.train_step)
    graph = step.get_concrete_function(next(iter(batches(20, DATA)))).graph
    return model, operations_in(graph)


@pytest.mark.parametrize("name", OURS)
def test_training_ends_with_the_weights_of_plain_kernels(name, monkeypatch):
    compiled, found = fitted(name)
    assert found >= OURS[name]
    monkeypatch.setattr(kernels, "is_compiled", lambda *values: False)
    plain, found = fitted(name)
    assert not any(operation.startswith("Tfctr") for operation in found)
    for ours, theirs in zip(compiled.weights, plain.weights, strict=True):
        np.testing.assert_allclose(
            np.asarray(ours.value), np.asarray(theirs.value), rtol=2e-4, atol=2e-5
        )


@pytest.mark.parametrize("step", ["test_step", "predict_step"])
def test_only_training_uses_them(step):
    model, _ = fitted("DIN")
    batch = next(iter(batches(20, DATA)))
    function = tf.function(getattr(model, step))
    graph = function.get_concrete_function(batch).graph
    assert not any(name.startswith("Tfctr") for name in operations_in(graph))


def test_a_trained_model_is_exported_without_them(tmp_path):
    parts = small_parts()
    model = parts["ranking"]
    model.compile(optimizer=LazyAdam(0.05), weighted_metrics=[])
    x, y, _ = rows(20, schema=model.schema)
    model.fit(batches(20, (x, y)), verbose=0)
    graph = tf.function(model.train_step).get_concrete_function((x, y)).graph
    assert "TfctrUpdateRows" in operations_in(graph)
    path = export.save(tmp_path / "model", **parts)
    assert b"Tfctr" not in (path / "saved_model.pb").read_bytes()


def test_xla_and_keras_own_optimizers_do_without_them():
    _, found = fitted("DeepFM", jit_compile=True)
    assert not any(name.startswith("Tfctr") for name in found)
    model = made("DeepFM", PLAIN)
    model.compile(optimizer=keras.optimizers.Adam(), weighted_metrics=[])
    model.fit(batches(20, DATA), verbose=0)
    step = tf.function(model.train_step)
    graph = step.get_concrete_function(next(iter(batches(20, DATA)))).graph
    assert "TfctrUpdateRows" not in operations_in(graph)
