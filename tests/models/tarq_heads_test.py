"""Tests of the choice of a head of TARQ."""

import keras
import pytest

from tfctr.layers import AdditiveHead
from tfctr.models.tarq_heads import HEADS, head_config, make_head

OPTIONS = {"hidden_units": [3], "seed": 5, "dtype": "float32"}


@pytest.mark.parametrize("name", HEADS)
def test_a_name_makes_its_layer_with_the_options(name):
    head = make_head(name, 2, **OPTIONS)
    assert type(head) is HEADS[name]
    assert (head.units, head.seed) == (2, 5)
    assert head_config(name, head) == name


def test_a_layer_stays_and_comes_back_from_its_config():
    own = AdditiveHead(2, seed=9)
    assert make_head(own, 2, **OPTIONS) is own
    again = make_head(head_config(None, own), 2, **OPTIONS)
    assert isinstance(again, keras.layers.Layer)
    assert again.get_config() == own.get_config()
