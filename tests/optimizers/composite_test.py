"""Tests of `tfctr.optimizers.composite`."""

import zipfile

import h5py
import keras
import numpy as np
import pytest

from tests.optimizers.small import fit, model
from tfctr.errors import InputError
from tfctr.optimizers import Adam, Composite, RowWiseAdagrad, SparseFTRL, SparseSGD


def pair(tables=0.2, dense=0.1):
    return Composite(tables=SparseSGD(tables), dense=SparseSGD(dense))


def test_each_part_updates_its_own():
    trained = fit(model(Composite(tables=RowWiseAdagrad(0.1), dense=Adam(0.01))))
    table, kernel, bias = trained.trainable_variables
    assert set(trained.optimizer.slots(table)) == {"accumulator"}
    for variable in (kernel, bias):
        assert set(trained.optimizer.slots(variable)) == {"momentum", "velocity"}


def test_equal_parts_are_one_optimizer():
    def adam():
        return Adam(0.05)

    one = fit(model(adam()), epochs=2)
    two = fit(model(Composite(tables=adam(), dense=adam())), epochs=2)
    for found, expected in zip(two.get_weights(), one.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_model_without_tables_is_all_dense():
    weight = keras.Variable([1.0])
    pair(dense=0.5).apply([keras.ops.convert_to_tensor([1.0])], [weight])
    np.testing.assert_allclose(weight, [0.5])


def test_setting_the_learning_rate_keeps_the_ratio():
    optimizer = pair(tables=0.2, dense=0.1)
    for rate in (0.05, 0.0, 0.3):
        optimizer.learning_rate = rate
        assert float(optimizer.learning_rate) == pytest.approx(rate)
        assert float(optimizer.tables.learning_rate) == pytest.approx(2 * rate)


def test_callbacks_of_keras_set_both_rates():
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.5, patience=1, min_delta=1e9
    )
    trained = model(pair())
    ids = np.zeros((4, 3), "int32")
    trained.fit(
        ids, np.zeros((4, 1)), epochs=3, callbacks=[schedule, plateau], verbose=0
    )
    # Halved three times by one; by the other in the epochs after the first.
    assert float(trained.optimizer.dense.learning_rate) == pytest.approx(0.1 / 32)
    assert float(trained.optimizer.tables.learning_rate) == pytest.approx(0.2 / 32)


def test_a_rate_of_zero_can_be_saved(tmp_path):
    trained = fit(model(pair()))
    trained.optimizer.learning_rate = 0.0
    trained.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert float(loaded.optimizer.tables.learning_rate) == 0.0


def test_parts_follow_their_schedules():
    decay = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.5, 0.0])
    optimizer = Composite(tables=SparseSGD(0.1), dense=SparseSGD(decay))
    weight = keras.Variable([1.0])
    for _ in range(3):
        optimizer.apply([keras.ops.convert_to_tensor([1.0])], [weight])
    np.testing.assert_allclose(weight, [0.5])
    with pytest.raises(InputError, match="a schedule"):
        optimizer.learning_rate = 0.1
    assert float(optimizer.tables.learning_rate) == pytest.approx(0.1)


def test_files_hold_each_slot_once(tmp_path):
    trained = fit(model(Composite(tables=Adam(0.1), dense=SparseSGD(0.1))))
    trained.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        archive.extract("model.weights.h5", tmp_path)
    shapes = []
    with h5py.File(tmp_path / "model.weights.h5") as file:
        file["optimizer"].visititems(
            lambda _, item: shapes.append(getattr(item, "shape", None))
        )
    assert shapes.count((20, 4)) == 2


def test_weight_decay_is_of_each_part():
    def decaying():
        return SparseSGD(0.1, weight_decay=0.5)

    optimizer = Composite(tables=SparseSGD(0.1), dense=decaying())
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    weight, bias = keras.Variable([1.0], name="w"), keras.Variable([1.0], name="bias")
    nothing = keras.ops.zeros((1,))
    optimizer.apply([nothing, nothing], [weight, bias])
    np.testing.assert_allclose(weight, [0.95])
    np.testing.assert_allclose(bias, [1.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Composite(tables=keras.optimizers.SGD(), dense=SparseSGD()),
            "`tables`: received SGD",
        ),
        (lambda: Composite(tables=SparseSGD(), dense=pair()), "received Composite"),
        (
            lambda: Composite(tables=SparseSGD(clipnorm=1.0), dense=SparseSGD()),
            "`tables.clipnorm`: received 1.0",
        ),
        (
            lambda: Composite(tables=SparseSGD(), dense=SparseSGD(), weight_decay=0.1),
            "`weight_decay`: received 0.1",
        ),
        (
            lambda: Composite(tables=SparseSGD(), dense=SparseSGD(), learning_rate=1),
            "`learning_rate`: received 1",
        ),
    ],
)
def test_bad_parts_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_one_optimizer_is_not_two_parts():
    part = SparseFTRL()
    with pytest.raises(InputError, match="the optimizer of `tables`"):
        Composite(tables=part, dense=part)


def test_an_optimizer_in_use_is_refused():
    part = SparseFTRL()
    part.build([keras.Variable([1.0])])
    with pytest.raises(InputError, match="one that is in use"):
        Composite(tables=part, dense=SparseSGD())
