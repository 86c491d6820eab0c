"""Tests of how modules are given: names, mappings, objects."""

import json

import numpy as np
import pytest

from tests.layers.interaction.ensemble.reference import X
from tfctr.errors import InputError, UnknownName
from tfctr.layers import MLPModule
from tfctr.layers.interaction.ensemble.module_specs import (
    MODULES,
    kept,
    make_module,
    module_config,
)


def make(spec, seed=0, place=0):
    return make_module(spec, num_outputs=2, seed=seed, place=place, dtype="float32")


@pytest.mark.parametrize("name", MODULES)
def test_every_name_makes_its_module(name):
    module = make(kept(name))
    assert type(module) is MODULES[name]
    assert module.num_outputs == 2
    assert module(X).shape == (3, 2, 6)


def test_mappings_carry_arguments_of_their_own():
    module = make(kept({"module": "mlp", "hidden_units": [7], "num_outputs": 3}))
    assert module.hidden_units == [7]
    assert module.num_outputs == 3


def test_seeds_follow_from_the_place_unless_they_are_given():
    one, other, again = make("linear"), make("linear", place=1), make("linear")
    assert one.seed == again.seed != other.seed
    assert make({"module": "linear", "seed": 5}).seed == 5


@pytest.mark.parametrize(
    "spec", ["linear", {"module": "mlp", "hidden_units": [7]}, MLPModule([5], seed=3)]
)
def test_specifications_go_through_json(spec):
    config = json.loads(json.dumps(module_config(kept(spec))))
    module, again = make(kept(spec)), make(kept(config))
    np.testing.assert_array_equal(module(X), again(X))


@pytest.mark.parametrize(
    ("spec", "error", "text"),
    [
        ("mpl", UnknownName, "Did you mean 'mlp'"),
        ({"module": "mlp", "widths": 3}, InputError, "`module mlp`"),
        ({"module": "mlp", "hidden_units": []}, InputError, "`hidden_units`"),
        ({"hidden_units": [3]}, InputError, "`module`: received"),
        (3, InputError, "`module`: received 3"),
    ],
)
def test_what_is_no_module_is_refused(spec, error, text):
    with pytest.raises(error, match=text):
        make(kept(spec))
