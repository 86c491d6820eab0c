"""Tests of `tfctr.optimizers.sparse_optimizer`: what holds for every optimizer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.optimizers.small import (
    EVERY,
    ROWS,
    SPARSE,
    apply_dense,
    apply_sparse,
    data,
    fit,
    gradients,
    model,
    table,
)
from tfctr.errors import InputError
from tfctr.optimizers import SparseSGD


def same(one, other, **kwargs):
    for found, expected in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, **kwargs)


@pytest.mark.parametrize("name", EVERY)
def test_saved_and_resumed_training_is_uninterrupted(name, tmp_path):
    expected = fit(model(EVERY[name]()), epochs=2)
    saved = fit(model(EVERY[name]()))
    saved.save(tmp_path / "model.keras")
    same(fit(keras.saving.load_model(tmp_path / "model.keras")), expected, rtol=0)
    restored = model(EVERY[name]())
    path = tf.train.Checkpoint(model=saved).save(tmp_path / "checkpoint")
    tf.train.Checkpoint(model=restored).restore(path).assert_consumed()
    same(fit(restored), expected, rtol=0)


@pytest.mark.parametrize("name", EVERY)
def test_loss_scale_cancels(name):
    scaled = fit(model(EVERY[name](loss_scale_factor=64.0)))
    same(scaled, fit(model(EVERY[name]())), rtol=1e-5, atol=1e-6)
    assert scaled.optimizer.loss_scale_factor == 64.0


@pytest.mark.parametrize("name", EVERY)
def test_loss_scale_optimizer_of_keras_wraps_ours(name):
    wrapped = keras.optimizers.LossScaleOptimizer(EVERY[name](), initial_scale=64.0)
    same(fit(model(wrapped)), fit(model(EVERY[name]())), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", ["lazy_adam", "composite"])
def test_mixed_precision_learns_as_full_does(name, policy):
    exact = fit(model(EVERY[name]()))
    keras.config.set_dtype_policy(policy)
    try:
        mixed = fit(model(EVERY[name]()))
    finally:
        keras.config.set_dtype_policy("float32")
    for weight in (*mixed.trainable_variables, *mixed.optimizer.variables):
        assert weight.dtype not in ("float16", "bfloat16")
    before = model(EVERY[name]()).get_weights()[0][:12]
    moved, meant = (m.get_weights()[0][:12] - before for m in (mixed, exact))
    assert np.corrcoef(moved.ravel(), meant.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("name", ["sgd", "adagrad", "row_wise", "lazy_adam"])
def test_only_touched_rows_decay(name):
    plain, decayed = table(), table()
    optimizer = EVERY[name](weight_decay=0.5)
    nothing = [(np.array([1, 3, 3]), np.zeros((3, 4), "float32"))]
    apply_sparse(optimizer, decayed, nothing)
    factor = np.ones((ROWS, 1), "float32")
    factor[[1, 3]] -= 0.1 * 0.5
    np.testing.assert_allclose(decayed, np.asarray(plain) * factor, rtol=1e-6)


@pytest.mark.parametrize("how", ["var_list", "var_names"])
def test_excluded_weights_do_not_decay(how):
    variable = table()
    before = np.asarray(variable).copy()
    optimizer = SparseSGD(0.1, weight_decay=0.5)
    excluded = {"var_list": [variable], "var_names": ["table"]}[how]
    optimizer.exclude_from_weight_decay(**{how: excluded})
    zeros = np.zeros((1, 4), "float32")
    np.testing.assert_array_equal(
        apply_sparse(optimizer, variable, [(np.array([2]), zeros)]), before
    )


def test_schedules_count_steps():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [0, 1], [1.0, 0.5, 0.0]
    )
    variable, steps = table(), gradients(4)
    expected = apply_dense(keras.optimizers.SGD(schedule), table(), steps)
    found = apply_sparse(SparseSGD(schedule), variable, steps)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_learning_rate_can_be_set():
    optimizer, steps = SparseSGD(1.0), gradients(2)
    optimizer.learning_rate = 0.25
    found = apply_sparse(optimizer, table(), steps)
    np.testing.assert_allclose(
        found, apply_sparse(SparseSGD(0.25), table(), steps), rtol=1e-6
    )


@pytest.mark.parametrize("limit", ["clipnorm", "clipvalue", "global_clipnorm"])
@pytest.mark.parametrize("rate", [0.1, np.float32(0.1)])
def test_clipping_is_that_of_keras(limit, rate):
    found = apply_sparse(SparseSGD(rate, **{limit: 0.5}), table(), gradients())
    theirs = keras.optimizers.SGD(0.1, **{limit: 0.5})
    expected = apply_dense(theirs, table(), gradients())
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("rank", [1, 3])
def test_tables_of_any_rank(rank):
    shape = (5, 2, 3)[:rank]
    variable = keras.Variable(np.zeros(shape))
    values = np.ones((3, *shape[1:]), "float32")
    apply_sparse(SparseSGD(0.5), variable, [(np.array([1, 4, 4]), values)])
    per_row = np.asarray(variable).reshape(5, -1)[:, 0]
    np.testing.assert_allclose(per_row, [0, -0.5, 0, 0, -1])


@pytest.mark.parametrize("value", [0, -0.1, float("nan")])
def test_learning_rate_that_is_not_positive_is_refused(value):
    with pytest.raises(InputError, match="`learning_rate`: received"):
        SparseSGD(value)


@pytest.mark.parametrize(
    "name", ["clipnorm", "clipvalue", "global_clipnorm", "weight_decay"]
)
def test_negative_settings_are_refused(name):
    with pytest.raises(InputError, match=f"`{name}`: received -1"):
        SparseSGD(**{name: -1.0})


@pytest.mark.parametrize("name", SPARSE)
@pytest.mark.parametrize("settings", [{}, {"gradient_accumulation_steps": 2}])
def test_no_tensor_of_a_step_has_the_size_of_the_table(name, settings):
    num_rows = 100_003
    optimizer = SPARSE[name](global_clipnorm=1.0, **settings)
    trained = model(optimizer, num_rows=num_rows)

    @tf.function
    def step(ids, targets):
        return trained.train_step((ids, targets))

    graph = step.get_concrete_function(*map(tf.constant, data())).graph
    graphs = [
        graph,
        *(f.graph for f in graph._functions.values() if hasattr(f, "graph")),
    ]
    sizes = {
        op.name: tensor.shape
        for inner in graphs
        for op in inner.get_operations()
        for tensor in op.outputs
        if tensor.dtype != tf.resource
        and tensor.shape.rank
        and tensor.shape[0] == num_rows
    }
    assert not sizes
    assert sum(len(inner.get_operations()) for inner in graphs) > 50
