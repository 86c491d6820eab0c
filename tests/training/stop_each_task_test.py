"""Tests of `tfctr.training.StopEachTask`, with C14 of DHEN's methods file."""

import keras
import numpy as np
import pandas as pd
import pytest

from tests.models.data import PLAIN, made, rows
from tests.training.killed import KillAt, Killed
from tfctr import optimizers
from tfctr.data import synthetic
from tfctr.data.reading import read_examples
from tfctr.errors import InputError
from tfctr.features import Categorical, FeatureSchema, Label
from tfctr.models import ESMM, SharedBottom, Task
from tfctr.training import ResumableTraining, StopEachTask, TrainingConfig, train

X, Y, WEIGHTS = rows(60, schema=PLAIN)
DATA = {"x": X, "y": Y, "sample_weight": WEIGHTS, "verbose": 0}
CLICKS = FeatureSchema(
    user=(Categorical("user", dtype="int64"),),
    item=(Categorical("item", dtype="int64"),),
    labels=(Label("click"), Label("buy")),
    user_id="user",
    item_id="item",
).with_sizes({"user": 301, "item": 41})


def compiled(optimizer=None, tasks=None, **kwargs):
    model = made("SharedBottom", PLAIN)
    model.compile(
        optimizer or keras.optimizers.Adam(0.01), tasks=tasks, weighted_metrics=[],
        **kwargs,
    )  # fmt: skip
    return model


def begun(model, **kwargs):
    stop = StopEachTask(**kwargs)
    stop.set_model(model)
    stop.on_train_begin()
    return stop


def end(stop, epoch, **values):
    stop.on_epoch_end(epoch, {f"val_{n}_{stop.monitor}": v for n, v in values.items()})


def tower(model, name):
    return [np.array(weight) for weight in model.towers.weights_of(name)]


def change(model, by):
    for weight in model.trainable_variables:
        weight.assign_add(np.full(weight.shape, by))


def test_a_task_that_gets_no_better_goes_back_to_its_best_epoch():
    model = compiled()
    stop = begun(model, patience=2)
    for epoch, (click, buy) in enumerate([(5, 5), (4, 3), (3, 4), (2, 3), (2, 9)]):
        change(model, 0.1)
        if epoch == 1:
            best = tower(model, "buy")
        end(stop, epoch, click=float(click), buy=float(buy))
    assert stop.stopped_epoch == {"buy": 3}
    assert (stop.best, stop.best_epoch) == (
        {"click": 2, "buy": 3},
        {"click": 3, "buy": 1},
    )
    for found, expected in zip(tower(model, "buy"), best, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not model.stop_training
    clicks = tower(model, "click")
    end(stop, 5, click=2.0, buy=0.0)
    assert stop.stopped_epoch == {"buy": 3, "click": 5}
    assert model.stop_training
    for found, then in zip(tower(model, "click"), clicks, strict=True):
        np.testing.assert_allclose(found, then - 0.1, rtol=1e-5, atol=1e-6)


def test_areas_are_better_when_they_are_larger_and_nan_never_is():
    stop = begun(compiled(), monitor="auc", min_delta=0.01, patience=1)
    end(stop, 0, click=0.6, buy=np.nan)
    assert stop.stopped_epoch == {"buy": 0}
    end(stop, 1, click=0.7, buy=0.9)
    assert stop.best == {"click": 0.7}
    end(stop, 2, click=0.705, buy=0.9)
    assert stop.stopped_epoch == {"buy": 0, "click": 2}


class Watch(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.towers, self.bottoms, self.steps = [], [], []

    def on_epoch_end(self, epoch, logs=None):
        self.towers.append(tower(self.model, "buy"))
        self.bottoms.append(np.array(self.model.bottom.weights[0]))

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(tower(self.model, "buy"))


class StopBuyAt(StopEachTask):
    """Stops one task after the second epoch, whatever is reported."""

    def on_epoch_end(self, epoch, logs=None):
        values = {"click": -float(epoch), "buy": float(epoch)}
        super().on_epoch_end(epoch, {f"val_{n}_loss": v for n, v in values.items()})


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.Adam(0.01),
        keras.optimizers.AdamW(0.01, weight_decay=0.1),
        optimizers.Adam(0.01),
        optimizers.SparseAdagrad(0.01),
        optimizers.default(0.01),
    ],
    ids=lambda optimizer: optimizer.name,
)
def test_a_stopped_tower_stays_and_what_is_shared_goes_on(optimizer):
    model = compiled(optimizer, run_eagerly=True)
    watch = Watch()
    stop = StopBuyAt(patience=1)
    model.fit(**DATA, epochs=4, batch_size=30, callbacks=[stop, watch])
    assert stop.stopped_epoch["buy"] == 1
    for found in watch.towers[2:]:
        for one, best in zip(found, watch.towers[0], strict=True):
            np.testing.assert_array_equal(one, best)
    assert not np.allclose(watch.bottoms[2], watch.bottoms[1])
    if optimizer.weight_decay is None:  # else it is put back once an epoch
        for found in watch.steps[4:]:
            for one, best in zip(found, watch.towers[0], strict=True):
                np.testing.assert_array_equal(one, best)


def test_it_goes_into_the_graph_of_a_model_that_was_trained_before():
    model = compiled()
    model.fit(**DATA, batch_size=30)
    watch = Watch()
    model.fit(**DATA, epochs=4, batch_size=30, callbacks=[StopBuyAt(), watch])
    for one, best in zip(watch.towers[3], watch.towers[0], strict=True):
        np.testing.assert_array_equal(one, best)
    before = tower(model, "buy")
    model.fit(**DATA, batch_size=30)  # all tasks are trained again
    assert not np.allclose(tower(model, "buy")[0], before[0])


def test_tasks_that_are_only_judged_are_not_watched():
    stop = begun(compiled(tasks=[Task("buy", weight=0.0)]))
    assert stop.tasks == ["click"]


def clicks_and_rare_purchases(size, seed, share):
    """Clicks follow users, purchases items; few purchases can be seen."""
    facts = np.random.default_rng(0)
    bias, kind = 1.5 * facts.normal(size=301), facts.normal(size=41)
    rng = np.random.default_rng(seed)
    user, item = rng.integers(1, 301, size), rng.integers(1, 41, size)
    chance = {"click": bias[user] + 0.3 * kind[item], "buy": 1.5 * kind[item] - 1}
    x = {"user": user.astype("int32"), "item": item.astype("int32")}
    y = {
        name: (rng.random(size) < 1 / (1 + np.exp(-logit))).astype("float32")
        for name, logit in chance.items()
    }
    seen = (rng.random(size) < share).astype("float32")
    return x, y, {"click": np.ones(size, "float32"), "buy": seen}


def test_a_sparse_task_does_not_over_train_while_a_dense_one_learns():
    """C14: at the end of one plain `fit` both tasks are about where they were best."""
    learnt, valid, test = (
        clicks_and_rare_purchases(8_000, seed, share)
        for seed, share in ((1, 0.05), (2, 1.0), (3, 1.0))
    )
    losses, stops = {}, {}
    for name in ("none", "each"):
        keras.utils.set_random_seed(0)
        model = ESMM(CLICKS, dim=4, hidden_units=(16,))
        model.compile(optimizers.default(3e-3), weighted_metrics=[])
        stops[name] = {
            "none": [],
            "each": [StopEachTask()],
        }[name]
        x, y, weights = learnt
        model.fit(
            x, y, sample_weight=weights, validation_data=valid, batch_size=256,
            epochs=10, callbacks=stops[name], verbose=0,
        )  # fmt: skip
        losses[name] = model.evaluate(
            *test[:2], sample_weight=test[2], batch_size=8_000, verbose=0,
            return_dict=True,
        )  # fmt: skip
    [each] = stops["each"]
    assert each.stopped_epoch["buy"] < each.best_epoch["click"] + 1
    assert losses["each"]["buy_loss"] < losses["none"]["buy_loss"] - 0.2
    assert losses["each"]["buy_loss"] < each.best["buy"] + 0.03
    assert losses["each"]["click_loss"] < losses["none"]["click_loss"] + 0.003


def run(state, frame, folder, *callbacks, epochs=5):
    reader = read_examples(frame, state, 100, seed=2)
    valid = read_examples(frame, state, 400, shuffle=False)
    model = SharedBottom(state.schema, dim=4, bottom_units=[6], hidden_units=[4])
    model.compile(
        keras.optimizers.Adam(0.05),
        balance="gradnorm",
        weighted_metrics=[],
        run_eagerly=True,
    )
    stop = StopEachTask(1, min_delta=0.02)
    resume = ResumableTraining(folder, reader, every=3, callbacks=[stop])
    model.fit(
        reader.dataset(),
        validation_data=valid.dataset(),
        epochs=epochs,
        callbacks=[*callbacks, resume, stop],
        verbose=0,
    )
    return model, stop


def test_killed_training_goes_on_with_the_same_tasks_and_weights(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"user": rng.integers(0, 30, 400), "item": rng.integers(0, 20, 400)}
    )
    frame["click"] = (frame["user"] % 2).astype(float)
    frame["buy"] = rng.integers(0, 2, 400).astype(float)
    state = CLICKS.fit(frame)
    expected, stopped = run(state, frame, tmp_path / "whole")
    first = min(stopped.stopped_epoch.values())
    last = len(expected.history.epoch) - 1
    assert first < last
    with pytest.raises(Killed):
        run(state, frame, tmp_path / "cut", KillAt(first + 1, 2))
    found, again = run(state, frame, tmp_path / "cut")
    assert again.stopped_epoch == stopped.stopped_epoch
    assert again.best == pytest.approx(stopped.best)
    assert found.task_weights == expected.task_weights
    for one, other in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_configuration_has_it_in_one_line(monkeypatch):
    data = synthetic(400, num_users=30, num_items=20, seed=1)
    given = []
    monkeypatch.setattr(
        SharedBottom, "fit", lambda self, *_, callbacks, **__: given.extend(callbacks)
    )
    config = TrainingConfig(model="SharedBottom", stopping="each_task", patience=3)
    train(config, data.schema, data.to_dataset("train"), data.to_dataset("validation"))
    [stop] = [one for one in given if isinstance(one, StopEachTask)]
    assert stop.patience == 3
    assert not any(isinstance(c, keras.callbacks.EarlyStopping) for c in given)
    never = config.model_copy(update={"patience": 0})
    with pytest.raises(InputError, match="`patience`: received 0, with stopping"):
        train(never, data.schema, None, None)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"patience": 0}, "`patience`"),
        ({"min_delta": -1.0}, "`min_delta`"),
        ({"min_delta": float("nan")}, "`min_delta`"),
    ],
)
def test_bad_numbers_are_refused(arguments, text):
    with pytest.raises(InputError, match=text):
        StopEachTask(**arguments)


def test_what_it_watches_must_be_reported():
    stop = begun(compiled())
    with pytest.raises(InputError, match="validation_data"):
        stop.on_epoch_end(0, {"loss": 1.0})


def test_a_model_without_towers_is_refused():
    model = made("DeepFM", PLAIN)
    model.compile(weighted_metrics=[])
    with pytest.raises(InputError, match="DeepFM, without a tower for each task"):
        begun(model)
