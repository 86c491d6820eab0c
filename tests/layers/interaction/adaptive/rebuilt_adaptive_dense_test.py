"""Tests of `tfctr.layers.RebuiltAdaptiveDense`."""

import numpy as np

from tests.layers.interaction.adaptive.oracle import agree, data, made


def test_rebuilding_the_matrix_is_applying_the_factors():
    rebuilt, decomposed = made("v2"), made("v3")
    decomposed.set_weights(rebuilt.get_weights())
    agree(rebuilt(*data()), np.asarray(decomposed(*data())))
