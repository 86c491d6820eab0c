"""Tests of `tfctr.optimizers.adam`."""

import keras
import numpy as np
import pytest

from tests.optimizers.small import (
    ROWS,
    apply_dense,
    apply_sparse,
    gradients,
    summed,
    table,
)
from tfctr.errors import InputError
from tfctr.optimizers import Adam, LazyAdam

SETTINGS = {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}
# Other rows in every step, so that laziness shows.
STEPS = [
    step
    for seed, rows in enumerate([(1, 3, 3), (3, 7, 7, 7), (1, 2), (2, 2, 3)])
    for step in gradients(1, seed, rows)
]


def lazily(weights, steps):
    weights = weights.astype("float64")
    m, v = np.zeros_like(weights), np.zeros_like(weights)
    for t, (places, values) in enumerate(steps, 1):
        gradient, touched = summed(places, values), np.unique(places)
        m[touched] = 0.8 * m[touched] + 0.2 * gradient[touched]
        v[touched] = 0.95 * v[touched] + 0.05 * gradient[touched] ** 2
        rate = 0.3 * np.sqrt(1 - 0.95**t) / (1 - 0.8**t)
        weights[touched] -= rate * m[touched] / (np.sqrt(v[touched]) + 1e-3)
    return weights, m, v


def test_lazy_adam_is_what_numpy_makes_of_its_rule():
    variable = table()
    weights, m, v = lazily(np.asarray(variable), STEPS)
    optimizer = LazyAdam(0.3, **SETTINGS)
    np.testing.assert_allclose(
        apply_sparse(optimizer, variable, STEPS), weights, rtol=1e-4
    )
    slots = optimizer.slots(variable)
    np.testing.assert_allclose(slots["momentum"], m, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(slots["velocity"], v, rtol=1e-4, atol=1e-7)


def test_lazy_adam_is_adam_where_every_step_touches_every_row():
    steps = gradients(rows=(*range(ROWS), 4, 4))
    expected = apply_dense(keras.optimizers.Adam(0.3, **SETTINGS), table(), steps)
    found = apply_sparse(LazyAdam(0.3, **SETTINGS), table(), steps)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda **kwargs: Adam(0.3, **SETTINGS, **kwargs),
        lambda **kwargs: LazyAdam(0.3, exact_rows=ROWS, **SETTINGS, **kwargs),
    ],
    ids=["Adam", "exact_rows"],
)
class TestExact:
    def test_adam_of_keras_agrees_on_dense_gradients(self, make):
        expected = apply_dense(keras.optimizers.Adam(0.3, **SETTINGS), table(), STEPS)
        for apply in (apply_sparse, apply_dense):
            found = apply(make(), table(), STEPS)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)

    def test_adamw_of_keras_agrees_on_dense_gradients(self, make):
        settings = {**SETTINGS, "weight_decay": 0.1}
        expected = apply_dense(keras.optimizers.AdamW(0.3, **settings), table(), STEPS)
        for apply in (apply_sparse, apply_dense):
            found = apply(make(weight_decay=0.1), table(), STEPS)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_larger_tables_than_exact_rows_are_lazy():
    found = apply_sparse(LazyAdam(0.3, exact_rows=ROWS - 1, **SETTINGS), table(), STEPS)
    np.testing.assert_array_equal(
        found, apply_sparse(LazyAdam(0.3, **SETTINGS), table(), STEPS)
    )
    exact = apply_sparse(Adam(0.3, **SETTINGS), table(), STEPS)
    assert np.abs(found - exact).max() > 1e-3


def test_slots_of_half_precision_weights_are_exact():
    # In bfloat16 0.999 is 1, and nothing would ever be forgotten or learnt.
    variable = keras.Variable(np.ones((3, 2)), dtype="bfloat16")
    optimizer = LazyAdam(0.25)
    apply_sparse(optimizer, variable, [(np.array([1, 1]), np.ones((2, 2), "float32"))])
    np.testing.assert_allclose(
        keras.ops.cast(variable, "float32"), [[1, 1], [0.75, 0.75], [1, 1]]
    )
    velocity = optimizer.slots(variable)["velocity"]
    assert velocity.dtype == "float32"
    np.testing.assert_allclose(velocity[1], [0.004, 0.004], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("beta_1", 1.0), ("beta_2", -0.1), ("epsilon", 0.0), ("exact_rows", -1)],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=f"`{name}`: received {value}"):
        LazyAdam(**{name: value})
