"""Tests of `tfctr.optimizers.accumulation`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import PLAIN, batches, made, rows
from tests.optimizers.small import EVERY, data, fit, model
from tfctr import optimizers
from tfctr.errors import InputError


def same(one, other, **kwargs):
    for found, expected in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, **kwargs)


@pytest.mark.parametrize("name", EVERY)
def test_three_batches_are_one_of_three_times_the_size(name):
    accumulated = fit(model(EVERY[name](gradient_accumulation_steps=3)), epochs=2)
    whole = fit(model(EVERY[name]()), batch_size=48, epochs=2)
    same(accumulated, whole, rtol=1e-4, atol=1e-6)


def test_clipping_is_of_the_mean():
    limits = {"global_clipnorm": 0.05}
    make = EVERY["sgd"]
    accumulated = fit(model(make(gradient_accumulation_steps=3, **limits)))
    same(accumulated, fit(model(make(**limits)), batch_size=48), rtol=1e-4, atol=1e-6)
    assert np.abs(fit(model(make()), batch_size=48).get_weights()[0]).sum() != (
        pytest.approx(np.abs(accumulated.get_weights()[0]).sum(), rel=1e-4)
    )


def test_nothing_moves_before_the_last_batch():
    waiting = model(EVERY["lazy_adam"](gradient_accumulation_steps=4))
    before = waiting.get_weights()
    fit(waiting)
    for found, expected in zip(waiting.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["lazy_adam", "composite"])
def test_keras_files_keep_what_is_pending(name, tmp_path):
    # Three batches an epoch, two a step: one is pending.
    def make():
        return model(EVERY[name](gradient_accumulation_steps=2))

    saved = fit(make())
    saved.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    same(fit(loaded), fit(make(), epochs=2), rtol=0)


@pytest.mark.parametrize("name", ["lazy_adam", "composite"])
def test_checkpoints_keep_what_is_pending(name, tmp_path):
    def make():
        return model(EVERY[name](gradient_accumulation_steps=2))

    saved, loaded = fit(make()), make()
    path = tf.train.Checkpoint(model=saved).save(tmp_path / "checkpoint")
    tf.train.Checkpoint(model=loaded).restore(path).assert_consumed()
    same(fit(loaded), fit(make(), epochs=2), rtol=0)


def test_loading_drops_what_was_pending(tmp_path):
    fresh = model(EVERY["sgd"](gradient_accumulation_steps=2))
    fresh.save(tmp_path / "fresh.keras")
    used = fit(model(EVERY["sgd"](gradient_accumulation_steps=2)))
    used.load_weights(tmp_path / "fresh.keras")
    loaded = keras.saving.load_model(tmp_path / "fresh.keras")
    used.optimizer.load_own_variables(
        {str(k): v.numpy() for k, v in enumerate(loaded.optimizer.variables)}
    )
    same(fit(used), fit(loaded), rtol=0)


def test_kinds_of_gradients_that_were_not_foreseen():
    # A sparse gradient of a variable that is no table, and then a dense one of it.
    variable = keras.Variable(np.zeros((3, 1)))
    optimizer = optimizers.SparseSGD(1.0, gradient_accumulation_steps=2)
    sparse = tf.IndexedSlices(tf.ones((2, 1)), tf.constant([1, 1]), tf.constant([3, 1]))
    for gradient in (sparse, sparse, tf.ones((3, 1)), tf.ones((3, 1))):
        optimizer.apply([gradient], [variable])
    np.testing.assert_allclose(variable[:, 0], [-1, -3, -1])


def test_xla_is_refused():
    trained = made("LogisticRegression", PLAIN)
    optimizer = optimizers.SparseSGD(0.1, gradient_accumulation_steps=2)
    trained.compile(optimizer=optimizer, jit_compile=True, weighted_metrics=[])
    with pytest.raises(InputError, match=r"jit_compile=True and a table"):
        trained.fit(batches(30, rows(60, schema=PLAIN)), verbose=0)


def test_a_single_batch_is_refused():
    with pytest.raises(ValueError, match="gradient_accumulation_steps"):
        optimizers.SparseSGD(0.1, gradient_accumulation_steps=1)


def test_batches_of_different_sizes_count_alike():
    # As with Keras: the mean of the batches' gradients, not of their examples.
    ids, targets = data(30)
    accumulated = model(optimizers.SparseSGD(0.1, gradient_accumulation_steps=2))
    accumulated.fit(ids, targets, batch_size=20, shuffle=False, verbose=0)
    weighted = model(optimizers.SparseSGD(0.1))
    shares = np.repeat([0.5 / 20, 0.5 / 10], [20, 10]) * 30
    weighted.fit(
        ids, targets, batch_size=30, shuffle=False, sample_weight=shares, verbose=0
    )
    same(accumulated, weighted, rtol=1e-4, atol=1e-6)
