"""Training under XLA: every optimizer gives the weights that it gives without."""

import numpy as np
import pytest

from tests.models.data import PLAIN, batches, made, rows
from tests.optimizers.small import EVERY


def trained(optimizer, **how):
    model = made("LogisticRegression", PLAIN)
    model.compile(optimizer=optimizer, weighted_metrics=[], **how)
    model.fit(batches(20, rows(60, schema=PLAIN)), verbose=0)
    return model.get_weights()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *((name, {}) for name in EVERY),
        ("lazy_adam", {"clipnorm": 0.1}),
        ("lazy_adam", {"clipvalue": 0.01}),
        ("composite", {"global_clipnorm": 0.1}),
    ],
)
def test_compiled_steps_agree(name, settings):
    compiled = trained(EVERY[name](**settings), jit_compile=True)
    ordinary = trained(EVERY[name](**settings), run_eagerly=True)  # no graph to make
    for found, expected in zip(compiled, ordinary, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
