"""Tests of `tfctr.layers.ConvolutionModule`: C5, against scipy."""

import numpy as np
import pytest
from scipy import signal

from tests.layers.interaction.ensemble.reference import X, check, made
from tfctr import layers
from tfctr.errors import InputError


def test_convolution_sees_an_image():
    layer = made(layers.ConvolutionModule, kernel_size=3, num_filters=2)
    kernel = np.asarray(layer.kernel)
    rows = [
        [
            signal.correlate2d(image, kernel[:, :, 0, filter_], mode="same")
            for filter_ in range(2)
        ]
        for image in X
    ]
    # Row i of filter 0, row i of filter 1, row i + 1 of filter 0 ...
    images = np.array(rows).transpose(0, 2, 1, 3).reshape(3, 8, 6)
    check(layer, images)


@pytest.mark.parametrize(
    ("cls", "arguments", "field"),
    [
        (layers.ConvolutionModule, {"num_filters": 0}, "num_filters"),
    ],
)
def test_bad_arguments_are_refused(cls, arguments, field):
    with pytest.raises(InputError, match=f"`{field}`: received"):
        cls(**arguments)
