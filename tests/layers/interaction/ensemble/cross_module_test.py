"""Tests of `tfctr.layers.CrossModule`: C5, in numpy."""

import numpy as np
import pytest

from tests.layers.interaction.ensemble.reference import FLAT, check, made
from tfctr import layers
from tfctr.errors import InputError


@pytest.mark.parametrize("rank", [None, 3])
def test_cross_layers_have_no_skip(rank):
    layer = made(layers.CrossModule, num_layers=2, rank=rank)
    crossed = FLAT
    for kernels, bias in zip(layer.kernels, layer.biases, strict=True):
        for kernel in kernels:
            crossed = crossed @ np.asarray(kernel)
        crossed = FLAT * (crossed + np.asarray(bias))
    check(layer, crossed)


@pytest.mark.parametrize(
    ("cls", "arguments", "field"),
    [
        (layers.CrossModule, {"num_layers": 0}, "num_layers"),
        (layers.CrossModule, {"rank": 0}, "rank"),
    ],
)
def test_bad_arguments_are_refused(cls, arguments, field):
    with pytest.raises(InputError, match=f"`{field}`: received"):
        cls(**arguments)
