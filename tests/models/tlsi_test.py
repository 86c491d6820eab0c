"""Tests of `tfctr.models.TLSI`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.features.shop import small_schema
from tests.models.data import USER_ROLES, candidates, made, part, rows
from tests.models.moments import (
    intervals_of_categories,
    moment_schema,
    windows_of_the_day,
)
from tfctr import kernels
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical, Sequence, Timestamp
from tfctr.layers.sequence.interest_settings import VARIANTS
from tfctr.metrics import auc
from tfctr.models import TLSI
from tfctr.testing import make_batch

X, _, _ = rows(10)
ITEM = Categorical("item_id")
SIZES = {"user_id": 5, "item_id": 9}


def small(schema, **kwargs):
    return TLSI(schema, **{"dim": 3, "hidden_units": (4,), **kwargs})


def timed(**changes):
    """A small schema with times of requests and events."""
    fields = {
        "context": [Timestamp("time")],
        "timestamp": "time",
        "sequences": [Sequence("history", (ITEM,), Timestamp("time"), max_length=4)],
    }
    return small_schema(**{**fields, **changes}).with_sizes(SIZES)


# What the schema has to have -----------------------------------------------------


def test_schema_without_request_time_is_refused():
    with pytest.raises(InputError, match="`timestamp`: received none in the schema"):
        small(timed(timestamp=None))


def test_schema_without_event_times_is_refused():
    sequence = Sequence("history", (ITEM,), max_length=4)
    with pytest.raises(InputError, match=r"`sequences`: .*none with a timestamp"):
        small(timed(sequences=[sequence]))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"variant": "fulll"}, "`variant`.*Did you mean 'full'"),
        ({"preset": "autor"}, "`preset`.*Did you mean 'author'"),
        ({"settings": {"scores": "mlp"}}, "`settings`.*Did you mean 'score'"),
        ({"settings": {"score": "mpl"}}, "`score`.*Did you mean 'mlp'"),
        ({"settings": {"time_encoding": "cyclical"}}, "Did you mean 'cyclic'"),
        ({"settings": {"units": ["hours"]}}, "Did you mean 'hour'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(arguments, text):
    with pytest.raises(UnknownName, match=text):
        small(timed(), **arguments)


# What it is made of --------------------------------------------------------------


def test_events_are_shared_features_plus_the_projection_of_the_others():
    model = made("TLSI")
    fields = model.embeddings(X)
    shared = [f"history_{n}" for n in ("item_id", "category", "price", "picture")]
    others = ["history_action", "history_time_month"]
    events = np.concatenate([fields[name] for name in shared], axis=-1)
    rest = np.concatenate([fields[name] for name in others], axis=-1)
    expected = events + rest @ np.asarray(model.projections["history"].kernel)
    state = model.encode_user(part(X, USER_ROLES))
    np.testing.assert_allclose(state["history/events"], expected, rtol=1e-4, atol=1e-5)


def test_mlp_sees_fields_interests_and_their_products():
    model, items = made("TLSI"), candidates(X, 3)
    fields = {
        name: np.asarray(value)
        for given in (part(X, USER_ROLES), items)
        for name, value in model.embeddings(given).items()
    }
    users = [fields[n] for n in model.embeddings.stacked_fields(["user", "context"])]
    mask = (X["history_long_item_id"] != 0)[..., None]
    other = (fields["history_long_item_id"] * mask).sum(1) / np.maximum(mask.sum(1), 1)
    user = np.concatenate([*users, other], axis=-1)
    parts = [np.repeat(user[:, None], 3, axis=1)]
    parts += [fields[name] for name in model.embeddings.stacked_fields(["item"])]
    shared = ("item_id", "category", "price", "picture")
    candidate = np.concatenate([fields[name] for name in shared], axis=-1)
    state = model.encode_user(part(X, USER_ROLES))
    interests = model.interests["history"](
        candidate,
        np.asarray(state["history/events"]),
        X["history_time"],
        X["time"],
        events_mask=X["history_item_id"] != 0,
    )
    parts += [np.asarray(interests), interests * np.tile(candidate, 3)]
    hidden = model.mlp(np.concatenate(parts, axis=-1))
    expected = np.asarray(model.output_layer(hidden))
    for place, scores in enumerate(model.score(state, items).values()):
        np.testing.assert_allclose(scores, expected[..., place], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("variant", "preset", "widths"),
    [
        ("F", "paper", 1 + 1),  # the mixture, and the candidate
        ("full", "paper", 3 + 1),
        ("full", "author", 4 + 1),
        ("L", "author", 2 + 1),
        ("full", "default", 2 * 3 + 1),  # and products with the candidate
    ],
)
def test_head_sees_as_much_as_the_variant_has(variant, preset, widths):
    model = small(timed(), variant=variant, preset=preset)
    model.build()
    assert model.mlp.dense_layers[0].kernel.shape[0] == 3 * (widths + 1)  # the user


def test_zone_of_the_request_is_that_of_all_times():
    layer = made("TLSI").interests["history"]
    assert layer.time_zone == "Europe/Berlin"
    assert layer.moments.time_zone == layer.intervals.time_zone == "Europe/Berlin"


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_come_back_from_their_files(variant, tmp_path):
    model = small(timed(), variant=variant, preset="author")
    x, _ = make_batch(timed(), 6)
    expected = model(x)["click"]
    model.save(tmp_path / "tlsi.keras")
    loaded = keras.saving.load_model(tmp_path / "tlsi.keras")
    np.testing.assert_array_equal(loaded(x)["click"], expected)
    assert loaded.variant == variant


# Time ------------------------------------------------------------------------------


def test_times_are_those_of_request_and_log_alone():
    # All times a whole number of days later: only year, month, day, weekday move.
    units = {"units": ["hour", "minute", "second"]}
    model, x = small(timed(), settings=units), make_batch(timed(), 6)[0]
    later = dict(x)
    for name in ("time", "history_time"):
        later[name] = np.where(x[name] < 0, -1, x[name] + 1000 * 86_400)
    np.testing.assert_array_equal(model(later)["click"], model(x)["click"])
    later["time"] = later["time"] + 5
    assert np.abs(model(later)["click"] - model(x)["click"]).max() > 0


def test_no_event_at_or_after_the_request_has_a_say():
    model, x = small(timed()), make_batch(timed(), 12)[0]
    x["history_item_id"][:] = np.maximum(x["history_item_id"], 1)
    x["history_time"][:] = x["time"][:, None] + np.array([-9, -3, 0, 8])
    other = {**x, "history_item_id": x["history_item_id"].copy()}
    other["history_item_id"][:, 2:] = 9 - x["history_item_id"][:, 2:]
    np.testing.assert_array_equal(model(other)["click"], model(x)["click"])
    other["history_item_id"][:, 1] = 9 - x["history_item_id"][:, 1]
    assert np.abs(model(other)["click"] - model(x)["click"]).min() > 0


@pytest.mark.parametrize("broken", [-1, 1_700_000_000_000], ids=["missing", "ms"])
@pytest.mark.parametrize(
    "names", [["time"], ["history_time"], ["time", "history_time"]]
)
def test_times_missing_or_in_milliseconds_give_finite_losses(names, broken):
    model, (x, y) = small(timed()), make_batch(timed(), 12)
    for name in names:
        x[name] = np.full_like(x[name], broken)
    with tf.GradientTape() as tape:
        logits = model(x)["click"]
        loss = tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(y["click"], logits)
        )
    assert np.isfinite(loss)
    for gradient in tape.gradient(loss, model.trainable_variables):
        assert np.isfinite(tf.convert_to_tensor(gradient)).all()


def test_events_out_of_order_are_read_in_the_order_they_come():
    model, x = small(timed()), make_batch(timed(), 12)[0]
    x["time"][:] = 1_800_000_000
    turned = dict(x)
    for name in ("history_time", "history_item_id"):
        turned[name] = x[name][:, ::-1]
    logits = np.asarray(model(turned)["click"])
    assert np.isfinite(logits).all()
    assert np.abs(logits - model(x)["click"]).max() > 0


def test_padding_in_front_changes_nothing():
    schema = timed()
    model, x = small(schema), make_batch(schema, 12)[0]
    x["time"][:] = 1_800_000_000
    front = dict(x)
    for name, missing in (("history_item_id", 0), ("history_time", -1)):
        fill = np.full((12, 3), missing, x[name].dtype)
        front[name] = np.concatenate([fill, x[name]], axis=1)
    for is_xla in (True, False):
        with kernels.xla(is_xla):
            found = model(front)["click"]
        np.testing.assert_allclose(found, model(x)["click"], rtol=1e-4, atol=1e-6)


# What it learns ----------------------------------------------------------------------


def trained_auc(data, epochs, requests, **kwargs):
    """AUC on other users after training on some."""
    x, y = data(requests, seed=0)
    test, clicks = data(1500, seed=1)
    model = TLSI(moment_schema(), dim=8, hidden_units=(32,), **kwargs)
    # Large batches: on them, the time goes into a step's operations.
    model.compile(keras.optimizers.Adam(0.01), weighted_metrics=[])
    model.fit(x, y, batch_size=512, epochs=epochs, verbose=0)
    return auc(clicks["click"], model.predict(test)["click"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "low", "high"),
    [
        ("L-c", 0.45, 0.55),
        ("L-t", 0.93, 1.0),
        ("full", 0.95, 1.0),
        ("wo-TP", 0.45, 0.55),
    ],
)
def test_time_of_day_is_learnt_by_what_sees_it(variant, low, high):
    found = trained_auc(windows_of_the_day, 8, 5000, variant=variant)
    assert low < found <= high


@pytest.mark.slow
@pytest.mark.parametrize(
    ("is_blind", "low", "high"), [(False, 0.95, 1.0), (True, 0.0, 0.8)]
)
def test_interval_of_each_category_is_learnt_where_it_is_seen(is_blind, low, high):
    def data(requests, seed):
        x, y = intervals_of_categories(requests, seed)
        if is_blind:  # all intervals are those to a missing time
            x["history_time"] = np.full_like(x["history_time"], -1)
        return x, y

    found = trained_auc(data, 5 if is_blind else 14, 5000, variant="S")
    assert low < found <= high
