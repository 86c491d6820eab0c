"""Tests of `tfctr.models.Calibrated`: the numpy curve, in every form of the model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.export.deployment import encoded, item_inputs, random_model, user_inputs
from tests.features.shop import SCHEMA, shop_frame, shop_items
from tests.models.data import SIZED, candidates, made, pairs, part, rows
from tfctr import export
from tfctr.calibration import Curve
from tfctr.errors import InputError, UnknownName
from tfctr.models import Calibrated
from tfctr.serving import PredictClient
from tfctr.serving.server import EmbeddedServer

X, Y, WEIGHTS = rows(16)
CURVES = {
    "click": Curve(1.0, 0.3, (-0.5, 0.5), (0.5, 1.0)),
    "buy": Curve(2.0, -1.0),
}
BY_VALUE = {"click": {1: Curve(0.5, 2.0), 2: Curve(1.0, -1.0, (0.0,), (3.0,))}}
USER_ROLES = ("user", "context", "sequence")


def bent(logits, ids):
    """What numpy makes of logits by label; `ids` has their shape."""
    expected = {"buy": CURVES["buy"](logits["buy"])}
    click = CURVES["click"](logits["click"])
    for value, curve in BY_VALUE["click"].items():
        click = np.where(ids == value, curve(logits["click"]), click)
    return {**expected, "click": click}


@pytest.fixture(scope="module", params=["device", "item_id"])
def model(request):
    inner = made("DeepFM")
    return Calibrated(inner, CURVES, column=request.param, by_value=BY_VALUE)


def test_pointwise_logits_are_bent(model):
    expected = bent(model.model(X), X[model.column])
    for found in (model(X), model.predict(X)):
        for label in expected:
            np.testing.assert_allclose(found[label], expected[label], rtol=1e-4)


def test_candidates_of_requests_are_bent(model):
    items = candidates(X, 3)
    pointwise = model(pairs(X, items))
    state = model.encode_user(part(X, USER_ROLES))
    for label, logits in model.score(state, items).items():
        np.testing.assert_allclose(
            np.reshape(logits, -1), pointwise[label], rtol=1e-4, atol=1e-5
        )


def test_file_has_model_and_curves(model, tmp_path):
    expected = model(X)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.curves == model.curves
    assert again.by_value == model.by_value
    for label, logits in again(X).items():
        np.testing.assert_array_equal(logits, expected[label])


def test_it_is_evaluated_but_not_trained(model):
    model.compile()
    assert model.evaluate(X, Y, sample_weight=WEIGHTS, verbose=0) is not None
    with pytest.raises(InputError, match="`model`: received a calibrated model"):
        model.fit(X, Y)


def test_answers_over_grpc_are_calibrated(tmp_path):
    state = SCHEMA.fit(shop_frame(15, seed=1, items=8))
    inner = random_model("DeepFM", state, apg={"condition": ["user_id"], "rank": 2})
    model = Calibrated(inner, CURVES, column="device", by_value=BY_VALUE)
    frame = shop_frame(6, seed=5)
    folder = tmp_path / "shop"
    path = export.save(folder, ranking=model, state=state, items=shop_items(10))
    user, items = user_inputs(frame), item_inputs(frame, 6)
    with (
        EmbeddedServer("shop", folder) as server,
        PredictClient(server.address, "shop") as client,
    ):
        found = client.predict({**user, **items}, "ranking")
    known = encoded(state, user)
    logits = inner.score(inner.encode_user(known), encoded(state, items))
    ids = np.asarray(known["device"])[:, None]
    for label, expected in bent(logits, ids).items():
        np.testing.assert_allclose(found[label], tf.sigmoid(expected), atol=1e-5)
    assert export.largest_difference(path, model, state, frame) <= 1e-5


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"curves": {**CURVES, "by": Curve()}}, UnknownName, "Did you mean 'buy'"),
        ({"curves": {"buy": Curve()}}, InputError, "one of 'click' too"),
        ({"column": "devise", "by_value": BY_VALUE}, UnknownName, "'device'"),
        ({"column": "device", "by_value": {"buy": {99: Curve()}}}, InputError, "99"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        Calibrated(made("LogisticRegression"), **{"curves": CURVES, **arguments})


def test_unsliced_curves_need_no_column():
    model = Calibrated(made("LogisticRegression", schema=SIZED), CURVES)
    expected = {n: c(model.model(X)[n]) for n, c in CURVES.items()}
    for label, logits in model(X).items():
        np.testing.assert_allclose(logits, expected[label], rtol=1e-4, atol=1e-6)


def test_many_steep_pieces_lose_no_digits():
    """Else answers of two graphs differ by more than a serving check allows."""
    rng = np.random.default_rng(0)
    knots = np.sort(rng.uniform(-6, 6, 80))
    bends = np.tile([9.9, -9.9], 40)
    curve = Curve(0.01, 0.2, tuple(knots), tuple(bends))
    model = Calibrated(made("DeepFM"), {"click": curve, "buy": Curve()})
    logits = rng.normal(0, 2, 1_000).astype("float32")
    found = model._bent({"click": tf.constant(logits)}, None)["click"]
    expected = curve(logits.astype("float64"))
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=3e-6)
