"""Tests of `tfctr.layers.MaskModule` and `MaskBlock`: C5, in numpy."""

import numpy as np
import pytest

from tests.layers.interaction.ensemble.reference import FLAT, RNG, X, check, made, norm
from tfctr import layers
from tfctr.errors import InputError


def mask_block(block, embeddings, hidden):
    inner = embeddings @ np.asarray(block.aggregation_kernel)
    inner = np.maximum(inner + np.asarray(block.aggregation_bias), 0)
    mask = inner @ np.asarray(block.projection_kernel)
    masked = (mask + np.asarray(block.projection_bias)) * hidden
    return np.maximum(norm(block.norm, masked @ np.asarray(block.kernel)), 0)


def test_parallel_mask_blocks_see_normalised_embeddings():
    layer = made(layers.MaskModule, num_blocks=2, units=5, reduction_ratio=0.5)
    hidden = norm(layer.norm, X).reshape(3, -1)
    parts = [mask_block(block, FLAT, hidden) for block in layer.blocks]
    check(layer, np.concatenate(parts, axis=-1))


def test_serial_mask_blocks_see_the_one_before():
    layer = made(layers.MaskModule, num_blocks=2, units=5, form="serial")
    hidden = norm(layer.norm, X).reshape(3, -1)
    for block in layer.blocks:
        hidden = mask_block(block, FLAT, hidden)
    check(layer, hidden)


def test_a_mask_of_ones_leaves_a_normalised_layer():
    block = layers.MaskBlock(5, seed=2)
    block.build((3, 6), (3, 4))
    block.projection_kernel.assign(np.zeros((4, 4)))
    block.projection_bias.assign(np.ones(4))
    hidden = RNG.normal(size=(3, 4)).astype("float32")
    expected = np.maximum(norm(block.norm, hidden @ np.asarray(block.kernel)), 0)
    np.testing.assert_allclose(block(X[:, 0], hidden), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("cls", "arguments", "field"),
    [
        (layers.MaskModule, {"num_blocks": 0}, "num_blocks"),
        (layers.MaskModule, {"form": "both"}, "form"),
        (layers.MaskBlock, {"units": 0}, "units"),
    ],
)
def test_bad_arguments_are_refused(cls, arguments, field):
    with pytest.raises(InputError, match=f"`{field}`: received"):
        cls(**arguments)
