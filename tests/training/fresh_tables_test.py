"""Tests of tables that are drawn anew for each epoch."""

import keras
import numpy as np
import pytest

from tests.models.data import PLAIN, batches, made, rows
from tfctr import optimizers
from tfctr.data import synthetic
from tfctr.data.reading import read_examples
from tfctr.errors import InputError
from tfctr.training import FreshTables, TrainingConfig, train
from tfctr.training.growth import slots_of

DATA = batches(16, rows(48, schema=PLAIN))
OPTIMIZERS = {
    "adagrad": lambda: optimizers.SparseAdagrad(0.1, initial_accumulator=0.3),
    "lazy_adam": lambda: optimizers.LazyAdam(0.01),
    "keras_adam": lambda: keras.optimizers.Adam(0.01),
    "composite": lambda: optimizers.Composite(
        tables=optimizers.SparseAdagrad(0.1, initial_accumulator=0.2),
        dense=optimizers.Adam(0.01),
    ),
}
FIRST = {"adagrad": 0.3, "composite": 0.2}


class Watch(keras.callbacks.Callback):
    """What the table, its slots and all else are when an epoch begins and ends."""

    def __init__(self):
        super().__init__()
        self.begun, self.ended = [], []

    def state(self):
        table = next(w for w in self.model.weights if w.path.endswith("/embeddings"))
        slots = [np.array(s) for s in slots_of(self.model.optimizer, table)]
        others = [np.array(w) for w in self.model.weights if w is not table]
        return np.array(table), slots, others

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append(self.state())

    def on_epoch_end(self, epoch, logs=None):
        self.ended.append(self.state())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_tables_and_their_slots_start_anew_and_all_else_goes_on(name):
    model, watch = made("DeepFM", PLAIN), Watch()
    model.compile(OPTIMIZERS[name](), weighted_metrics=[])
    model.fit(DATA, epochs=3, verbose=0, callbacks=[FreshTables(), watch])
    tables = [table for table, _, _ in watch.begun]
    for epoch in (1, 2):
        table, slots, others = watch.begun[epoch]
        # As a table of this size is drawn, with other numbers each time.
        assert 0.5 < table.std() / 0.05 < 1.5
        assert all(np.abs(table - before).max() > 0.01 for before in tables[:epoch])
        assert np.abs(table - watch.ended[epoch - 1][0]).max() > 0.01
        assert slots
        for slot in slots:
            np.testing.assert_allclose(slot, FIRST.get(name, 0.0), rtol=1e-6)
        for found, expected in zip(others, watch.ended[epoch - 1][2], strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_configuration_has_it_in_one_line():
    data = synthetic(1_000, num_users=30, num_items=20, seed=1)
    losses = {}
    for fresh in (False, True):
        config = TrainingConfig(
            model="DeepFM", epochs=3, batch_size=64, learning_rate=0.02, patience=0,
            fresh_tables=fresh,
        )  # fmt: skip
        model = train(
            config,
            data.schema,
            data.to_dataset("train", 64, seed=1),
            data.to_dataset("validation"),
            verbose=0,
        )
        losses[fresh] = model.history.history["loss"]
    assert losses[True][0] == pytest.approx(losses[False][0], rel=1e-4)
    assert losses[True][2] > losses[False][2] + 0.01  # the rows of epoch 2 are gone


def test_it_does_not_go_with_checkpoints(tmp_path):
    data = synthetic(200, num_users=30, num_items=20, seed=1)
    reader = read_examples(data.train, data.state, 64, seed=1)
    config = TrainingConfig(model="DeepFM", fresh_tables=True)
    with pytest.raises(InputError, match="`fresh_tables`: received with checkpoints"):
        train(
            config,
            data.schema,
            reader,
            data.to_dataset("validation"),
            checkpoints=tmp_path,
        )


def test_frozen_tables_are_refused():
    model = made("DeepFM", PLAIN)
    model.embeddings.trainable = False
    model.compile(weighted_metrics=[])
    with pytest.raises(InputError, match="`fresh_tables`: received a frozen table"):
        model.fit(DATA, verbose=0, callbacks=[FreshTables()])


@pytest.mark.parametrize("is_composite", [False, True])
def test_rates_by_frequency_are_refused(is_composite):
    model, optimizer = made("DeepFM", PLAIN), optimizers.LazyAdam
    adaptive = optimizer(0.1, frequency_adaptive=True)
    if is_composite:
        adaptive = optimizers.Composite(tables=adaptive, dense=optimizer(0.1))
    model.compile(adaptive, weighted_metrics=[])
    with pytest.raises(InputError, match="frequency_adaptive"):
        model.fit(DATA, verbose=0, callbacks=[FreshTables()])
