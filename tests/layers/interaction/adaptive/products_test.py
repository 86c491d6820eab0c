"""Tests of `tfctr.layers.interaction.adaptive.products`."""

import numpy as np

from tfctr.layers.interaction.adaptive.products import rows_times


def test_each_vector_is_multiplied_by_its_own_matrix():
    vectors = np.array([[1.0, 2.0], [3.0, 4.0]])
    swapped = [[0.0, 1.0], [1.0, 0.0]]
    np.testing.assert_array_equal(
        rows_times(vectors, np.array([np.eye(2), swapped])), [[1, 2], [4, 3]]
    )
