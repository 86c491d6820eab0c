"""Tests of `tfctr.layers.InteractionModule`: how results become embeddings."""

import numpy as np
import pytest
from keras import ops

from tests.layers.interaction.ensemble.reference import FLAT, X, made, mapped
from tfctr.errors import InputError
from tfctr.layers import InteractionModule, LinearModule


class Flat(InteractionModule):
    """Gives a vector."""

    def build_interaction(self, num_fields, dim):
        return (num_fields * dim,)

    def interact(self, fields, training=False):
        return ops.reshape(fields, (-1, fields.shape[1] * fields.shape[2]))


class First(InteractionModule):
    """Gives fewer embeddings than it gets."""

    def build_interaction(self, num_fields, dim):
        return (3, dim)

    def interact(self, fields, training=False):
        return fields[:, :3]


@pytest.mark.parametrize(("cls", "values"), [(Flat, FLAT), (First, X[:, :3])])
def test_vectors_and_embeddings_are_mapped(cls, values):
    layer = made(cls)
    np.testing.assert_allclose(layer(X), mapped(layer, values), rtol=1e-4, atol=1e-5)
    assert layer.compute_output_shape((None, 4, 6)) == (None, 2, 6)


def test_as_many_come_out_as_go_in_by_default():
    assert LinearModule()(X).shape == X.shape
    assert Flat()(X).shape == X.shape


def test_no_embeddings_are_refused():
    with pytest.raises(InputError, match="`num_outputs`: received 0"):
        LinearModule(num_outputs=0)
