"""Tests of how TARQ is trained: losses, metrics, and the start of the codebooks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.data import PLAIN, SMALL, batches, made, rows
from tfctr.data import group_requests
from tfctr.errors import InputError
from tfctr.models import TARQ

X, Y, WEIGHTS = rows(24, schema=PLAIN)
SETTINGS = SMALL["TARQ"]["settings"]
LOSSES = {
    "label_loss",
    "teacher_loss",
    "two_tower_loss",
    "distillation_loss",
    "alignment_loss",
    "quantization_loss",
}


def compiled(**kwargs):
    model = made("TARQ", PLAIN, **kwargs)
    model.compile(optimizer=keras.optimizers.SGD(0.01))
    return model


@pytest.fixture(scope="module")
def logs():
    """Of one epoch, with validation."""
    data = batches(8, (X, Y, WEIGHTS))
    history = compiled().fit(data, validation_data=data, verbose=0).history
    return {name: value[0] for name, value in history.items()}


def test_each_loss_is_reported_and_they_add_up(logs):
    assert logs.keys() >= LOSSES
    total = sum(logs[name] for name in LOSSES)
    # The mean over batches is weighted by their sizes, which are equal.
    np.testing.assert_allclose(logs["loss"], total, rtol=1e-4)


def test_validation_is_of_what_is_served(logs):
    found = {name for name in logs if name.startswith("val_")}
    assert not {f"val_{name}" for name in LOSSES} & found
    both = logs["val_click_loss"] + logs["val_buy_loss"]
    np.testing.assert_allclose(logs["val_loss"], both, rtol=1e-4)


def test_codes_are_reported_by_level(logs):
    for level in range(2):
        assert 1 / 3 <= logs[f"code_usage_{level}"] <= 1
        assert 0 <= logs[f"code_entropy_{level}"] <= np.log(3) + 1e-6


def loss_of(model, y, outputs, weights):
    return float(model.compute_loss(X, y, outputs, weights, training=True))


def test_loss_is_the_weighted_sum_of_its_parts_over_observed_examples():
    weights = {
        "two_tower_weight": 0.5,
        "alignment_weight": 3.0,
        "distillation_weight": 0.25,
        "quantization_weight": 0.125,
        "teacher_weight": 2.0,
    }
    model = compiled(settings={**SETTINGS, **weights})
    observed = {"click": np.arange(24) % 3 > 0, "buy": np.arange(24) % 3 > 1}
    observed = {name: mask.astype("float32") for name, mask in observed.items()}
    outputs = {n: np.asarray(v) for n, v in model(X, training=True).items()}
    found = loss_of(model, Y, outputs, observed)

    def cross_entropy(name, logits):
        p = 1 / (1 + np.exp(-logits.astype("float64")))
        losses = -np.log(np.where(Y[name] == 1, p, 1 - p))
        return np.average(losses, weights=observed[name])

    expected = 0.0
    for place, name in enumerate(("click", "buy")):
        expected += cross_entropy(name, outputs[name])
        expected += 2.0 * cross_entropy(name, outputs["training/teacher"][:, place])
        expected += 0.5 * cross_entropy(name, outputs["training/two_tower"][:, place])
    for name, weight in (("alignment", 3), ("distillation", 0.25)):
        expected += weight * outputs[f"training/{name}"][observed["click"] > 0].mean()
    quantization = outputs["training/quantization"][observed["click"] > 0]
    expected += 0.125 * quantization.mean()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("variant", "gone"),
    [
        ("wo-alignment", {"alignment_loss"}),
        (
            "wo-distillation",
            {"alignment_loss", "distillation_loss", "teacher_loss"},
        ),
        ("wo-residual", set()),
    ],
)
def test_ablations_leave_out_their_part(variant, gone):
    model = compiled(variant=variant)
    names = {metric.name for metric in model.metrics}
    assert LOSSES - names == gone
    outputs = model(X, training=True)
    found = {f"{name.removeprefix('training/')}_loss" for name in outputs}
    assert LOSSES - {"label_loss"} - found == gone
    assert outputs["training/codes"].shape[-1] == (1 if variant == "wo-residual" else 2)
    assert np.isfinite(loss_of(model, Y, outputs, WEIGHTS))


# The start -------------------------------------------------------------------------


def test_codebooks_start_at_items_and_once():
    model = made("TARQ", PLAIN)
    before = np.asarray(model.autoencoder.quantization.codebooks)
    model.start_codebooks(batches(8, (X, Y, WEIGHTS)))
    started = np.asarray(model.autoencoder.quantization.codebooks)
    assert not np.array_equal(started, before)
    model.start_codebooks(batches(8, (X, Y, WEIGHTS)))
    np.testing.assert_array_equal(model.autoencoder.quantization.codebooks, started)


def test_a_loaded_model_is_not_started_again(tmp_path):
    model = made("TARQ", PLAIN)
    model.start_codebooks(X)
    model.save(tmp_path / "tarq.keras")
    loaded = keras.models.load_model(tmp_path / "tarq.keras")
    assert loaded.autoencoder.quantization.is_started


def test_start_may_be_left_random():
    model = made("TARQ", PLAIN, settings={**SETTINGS, "start": "normal"})
    before = np.asarray(model.autoencoder.quantization.codebooks)
    model.start_codebooks(X)
    np.testing.assert_array_equal(model.autoencoder.quantization.codebooks, before)


def test_equal_items_are_one_row_wherever_they_stand(monkeypatch):
    """Some processors round a row by its place: each item must stay one."""
    columns = ("item_id", "category", "price", "picture")
    known = [np.reshape(X[n], (len(X[n]), -1)) for n in columns if n in X]
    items = len(np.unique(np.concatenate(known, axis=1), axis=0))
    assert items < 13 < len(X["item_id"])
    model = TARQ(PLAIN, settings={**SETTINGS, "num_codes": 13})
    encode = model.autoencoder.encode

    def by_place(rows):
        found = np.asarray(encode(rows))
        return found + 1e-4 * np.arange(len(found), dtype="float32")[:, None]

    monkeypatch.setattr(model.autoencoder, "encode", by_place)
    with pytest.raises(InputError, match=f"received 13, and {items} distinct rows"):
        model.start_codebooks(X)


@pytest.mark.parametrize("form", ["arrays", "batches", "requests"])
def test_more_codes_than_items_are_refused(form):
    """The catalogue of the data has twelve items."""
    model = TARQ(PLAIN, settings={**SETTINGS, "num_codes": 13})
    data = {
        "arrays": lambda: X,
        "batches": lambda: batches(8, (X, Y, WEIGHTS)).repeat(),
        "requests": lambda: tf.data.Dataset.from_tensors(
            group_requests(PLAIN, (X, Y, WEIGHTS))
        ),
    }[form]()
    text = r"`num_codes`: received 13, and \d+ distinct rows of \d+ of items"
    with pytest.raises(InputError, match=text):
        model.fit(data)
