"""Tests of `tfctr.layers.BilinearInteraction`."""

from itertools import combinations

import numpy as np
import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.layers import BilinearInteraction, InnerProducts

RNG = np.random.default_rng(0)
FIELDS = RNG.normal(size=(6, 4, 3)).astype("float32")
# Which matrix the pair number `place` of the fields (i, j) goes through.
MATRIX = {
    "all": lambda place, i: 0,
    "each": lambda place, i: i,
    "interaction": lambda place, i: place,
}


@pytest.mark.parametrize(
    ("kind", "count"), [("all", 1), ("each", 3), ("interaction", 6)]
)
def test_each_pair_goes_through_its_matrix(kind, count):
    layer = BilinearInteraction(bilinear_type=kind, seed=3)
    found = layer(FIELDS)
    kernel = np.asarray(layer.kernel)
    assert kernel.shape == (count, 3, 3)
    expected = [
        (FIELDS[:, i] @ kernel[MATRIX[kind](place, i)]) * FIELDS[:, j]
        for place, (i, j) in enumerate(combinations(range(4), 2))
    ]
    np.testing.assert_allclose(found, np.stack(expected, 1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", MATRIX)
def test_identity_gives_inner_products_by_element(kind):
    layer = BilinearInteraction(bilinear_type=kind)
    layer.build(FIELDS.shape)
    layer.kernel.assign(np.tile(np.eye(3), (layer.kernel.shape[0], 1, 1)))
    np.testing.assert_allclose(
        np.sum(layer(FIELDS), axis=-1), InnerProducts()(FIELDS), rtol=1e-5, atol=1e-5
    )


def test_matrices_start_with_the_deviation_of_one():
    layer = BilinearInteraction(bilinear_type="interaction")
    layer.build((None, 20, 16))
    assert np.std(layer.kernel) == pytest.approx(16**-0.5, rel=0.05)


def test_unknown_type_is_refused():
    with pytest.raises(UnknownName, match=r"`bilinear_type`.*Did you mean 'each'"):
        BilinearInteraction(bilinear_type="eech")


def test_unknown_number_of_fields_is_refused():
    with pytest.raises(InputError, match=r"`fields`: received shape \(None, None, 3\)"):
        BilinearInteraction().build((None, None, 3))
