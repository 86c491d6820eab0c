"""Tests of `tfctr.optimizers`."""

import keras
import numpy as np
import pytest

from tfctr import optimizers


def test_first_step_of_the_default_is_adams():
    # Adam's first step is the learning rate times the sign of the gradient.
    weight = keras.Variable([1.0, -2.0, 3.0])
    optimizer = optimizers.default(learning_rate=0.25)
    optimizer.apply([keras.ops.convert_to_tensor([0.5, -7.0, 0.0])], [weight])
    np.testing.assert_allclose(weight, [0.75, -1.75, 3.0], rtol=1e-5)


def test_default_learning_rate():
    assert float(optimizers.default().learning_rate) == pytest.approx(1e-3)


def test_every_call_makes_a_new_optimizer():
    assert optimizers.default() is not optimizers.default()
