"""Tests of `tfctr.models.SASRec`."""

import numpy as np
import pytest

from tests.models.sequences import SCHEMA, request_at, users
from tfctr import models
from tfctr.errors import InputError

X = users()
SETTINGS = {"dim": 8, "embedding_dim": 4, "hidden_units": (6,), "num_blocks": 1}


def made(**kwargs):
    model = models.SASRec(SCHEMA, **{**SETTINGS, **kwargs})
    model.build()
    return model


def test_candidates_meet_the_last_state_and_its_product():
    model = made()
    last = np.full((2, 1, 8), 2.0, "float32")
    fake = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")
    found = np.asarray(model.ask({"last": last}, fake, False))
    np.testing.assert_array_equal(found[..., :8], np.full((2, 3, 8), 2.0))
    np.testing.assert_array_equal(found[..., 8:16], fake)
    np.testing.assert_array_equal(found[..., 16:], 2 * fake)


def test_last_state_is_that_of_the_last_real_event():
    model, x = made(), request_at(X, 5)
    one = {n: v[2:3] for n, v in x.items()}  # three events, then padding
    state = model.encode_user(one)["last"]
    cut = {n: v[:, :3] if n.startswith("history_") else v for n, v in one.items()}
    np.testing.assert_allclose(model.encode_user(cut)["last"], state, atol=1e-6)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(InputError, match="`num_heads`: received 3 for tokens of width"):
        made(num_heads=3)
