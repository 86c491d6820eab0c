"""Tests of `tfctr.layers.GeneratorConfig`."""

import json

import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.layers import GeneratorConfig


def test_comes_back_from_json():
    config = GeneratorConfig([8, 4], "tanh", "sigmoid", "static")
    again = GeneratorConfig.of(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert again.units == (8, 4)


def test_nothing_is_one_linear_layer():
    assert GeneratorConfig.of(None) == GeneratorConfig((), "relu", "linear")
    assert GeneratorConfig.of(GeneratorConfig([3])).units == (3,)


def test_bad_values_are_refused():
    with pytest.raises(UnknownName, match=r"`start`: .*Did you mean 'static'"):
        GeneratorConfig(start="statc")
    with pytest.raises(InputError, match=r"`generator_units`: received \[4, 0\]"):
        GeneratorConfig([4, 0])
    with pytest.raises(InputError, match="`generator`: received 3, a int"):
        GeneratorConfig.of(3)
