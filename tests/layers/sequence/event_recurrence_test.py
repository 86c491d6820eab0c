"""Tests of `tfctr.layers.sequence.event_recurrence`."""

import numpy as np
import pytest
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.layers import EventGRU
from tfctr.layers.sequence.event_recurrence import EventRecurrence


def test_width_has_to_be_positive():
    with pytest.raises(InputError, match="`units`: received 0"):
        EventGRU(0)


def test_base_says_what_a_layer_has_to_write():
    with pytest.raises(NotImplementedError, match="EventRecurrence does not write"):
        EventRecurrence(3).step([], [])


def test_initial_values_depend_on_the_seed():
    kernels = []
    for seed in (1, 1, 2):
        layer = EventGRU(3, seed=seed)
        layer.build((None, None, 2))
        kernels.append(np.asarray(layer.recurrent_kernel))
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert np.abs(kernels[0] - kernels[2]).min() > 0


def test_states_stay_exact_under_mixed_precision():
    # In bfloat16 a state that moves by a thousandth a step would not move at all.
    events = np.ones((1, 400, 1), "float32")
    states = []
    for dtype in ("float32", "mixed_bfloat16"):
        layer = EventGRU(1, return_sequences=False, dtype=dtype)
        layer.build(events.shape)
        weights = [[[0, 0, 1]], [[0, 0, 0]], [7, 0, 0]]
        layer.set_weights([np.array(weight, "float32") for weight in weights])
        states.append(float(tf.function(layer)(events)[0, 0]))
    assert states[0] > 0.2
    assert states[1] == pytest.approx(states[0], rel=1e-2)
