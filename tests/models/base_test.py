"""Tests of `tfctr.models.base`: the contract, on every model."""

import numpy as np
import pytest
import tensorflow as tf

from tests.features.shop import small_schema
from tests.models.data import (
    SIZED,
    USER_ROLES,
    candidates,
    made,
    pairs,
    part,
    rows,
)
from tfctr import kernels, models
from tfctr.errors import InputError, UnknownName
from tfctr.models import PreRankingModel, RankingModel

X, Y, WEIGHTS = rows(24)
every_model = pytest.mark.parametrize("name", models.names())


@every_model
def test_each_label_has_float32_logits(name):
    logits = made(name)(X)
    assert list(logits) == ["click", "buy"]
    for value in logits.values():
        assert value.shape == (24,)
        assert value.dtype == "float32"
    assert np.abs(logits["click"] - logits["buy"]).min() > 0


@every_model
def test_request_form_equals_the_pointwise_form(name):
    model, items = made(name), candidates(X, 5)
    state = model.encode_user(part(X, USER_ROLES))
    scores, pointwise = model.score(state, items), model(pairs(X, items))
    for label, expected in pointwise.items():
        assert scores[label].shape == (24, 5)
        np.testing.assert_allclose(
            np.reshape(scores[label], -1), expected, rtol=1e-5, atol=1e-5
        )


@every_model
def test_candidates_do_not_depend_on_each_other(name):
    model, items = made(name), candidates(X, 4)
    state = model.encode_user(part(X, USER_ROLES))
    together = model.score(state, items)
    for place in range(4):
        alone = model.score(state, {n: v[:, [place]] for n, v in items.items()})
        for label, logits in alone.items():
            np.testing.assert_allclose(
                logits[:, 0], together[label][:, place], rtol=1e-5, atol=1e-5
            )


@pytest.mark.parametrize("is_empty", [False, True], ids=["events", "no_events"])
@every_model
def test_form_of_training_equals_that_of_xla(name, is_empty):
    # Outside of XLA padding is left out and other kernels run, forth and back.
    sequence = {c.name for c in SIZED.encoded_columns(["sequence"])}
    x = {n: np.zeros_like(v) if is_empty and n in sequence else v for n, v in X.items()}
    model, found = made(name), []
    for is_xla in (True, False):
        with kernels.xla(is_xla), tf.GradientTape() as tape:
            logits = model(x, training=True)
            total = sum(tf.reduce_sum(v**2) for v in logits.values())
        gradients = tape.gradient(total, model.trainable_variables)
        given = [
            tf.zeros_like(v) if g is None else tf.convert_to_tensor(g)
            for g, v in zip(gradients, model.trainable_variables, strict=True)
        ]
        found.append([*logits.values(), *given])
    for one, other in zip(*found, strict=True):
        scale = np.abs(one).max()
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * (1 + scale))


@every_model
def test_missing_input_is_refused_with_the_nearest(name):
    x = {**X, "distanse": X["distance"]}
    del x["distance"]
    with pytest.raises(UnknownName, match="Did you mean 'distanse'") as caught:
        made(name)(x)
    assert caught.value.field == "input distance"


@every_model
def test_schema_without_sizes_is_refused(name):
    with pytest.raises(InputError, match=r"schema\.fit\(frame\)"):
        models.get(name)(small_schema(sequences=SIZED.sequences))


def test_same_seed_gives_the_same_model_and_another_seed_another():
    first, same, other = (
        models.DeepFM(SIZED, dim=4, hidden_units=(4,), seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first(X)["click"], same(X)["click"])
    assert np.abs(first(X)["click"] - other(X)["click"]).min() > 0


def test_base_classes_say_what_a_model_has_to_write():
    model = RankingModel(SIZED)
    for method in (model.embed, model.interact):
        with pytest.raises(NotImplementedError, match="RankingModel does not write"):
            method({})
    stored = PreRankingModel(SIZED)
    with pytest.raises(NotImplementedError, match="PreRankingModel"):
        stored.encode_items({})
    with pytest.raises(NotImplementedError, match="PreRankingModel"):
        stored.score_stored({}, {})
