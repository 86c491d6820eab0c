"""Tests of `tfctr.layers.APG`."""

import json

import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.layers import APG


@pytest.mark.parametrize(
    ("arguments", "version", "rank"),
    [
        ({}, "v4", 8),
        ({"rank": None}, "v1", None),
        ({"version": "v1"}, "v1", None),
        ({"over_parameterization": 32}, "v5", 8),
        ({"version": "v5", "rank": [4, 2]}, "v5", (4, 2)),
        ({"version": "v3"}, "v3", 8),
    ],
)
def test_version_follows_from_what_is_asked_for(arguments, version, rank):
    apg = APG(["user_id"], **arguments)
    assert (apg.version, apg.rank) == (version, rank)
    assert APG.of(json.loads(json.dumps(apg.to_dict()))) == apg


def test_ranks_and_inner_widths_are_one_for_all_layers_or_one_each():
    assert APG("self").ranks(3) == [8, 8, 8]
    assert APG("self", rank=[4, 2]).ranks(2) == [4, 2]
    assert APG("self", version="v5", rank=[4, 2]).inner_widths(2) == [16, 8]
    assert APG("self", over_parameterization=[9, 8]).inner_widths(2) == [9, 8]
    with pytest.raises(InputError, match=r"`rank`: .*one number, or 3 of them"):
        APG("self", rank=[4, 2]).ranks(3)


def test_what_is_served_of_v5_is_v4():
    apg = APG(["user_id"], version="v5", rank=3, start="static")
    assert apg.merged() == APG(["user_id"], version="v4", rank=3, start="static")
    assert APG("self").merged() == APG("self")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"version": "v6"}, "`version`: .*'v6'"),
        ({"version": "v4", "rank": None}, "`rank`: received None"),
        ({"version": "v4", "over_parameterization": 9}, "only v5 has it"),
        ({"aggregation": "concatenate"}, "Did you mean 'concat'"),
        ({"start": "statc"}, "Did you mean 'static'"),
        ({"generator_units": [0]}, "`generator_units`: received"),
        ({"condition": "user_id"}, r"such as \['user_id'\], or 'self'"),
        ({"condition": []}, "one feature or more"),
        ({"condition": ["user_id", "user_id"]}, "each once"),
    ],
)
def test_bad_values_are_refused(arguments, text):
    with pytest.raises(InputError, match=text):
        APG(**arguments)


def test_unknown_keys_and_other_types_are_refused():
    with pytest.raises(UnknownName, match="Did you mean 'condition'"):
        APG.of({"conditions": ["user_id"]})
    with pytest.raises(InputError, match="`apg`: received 'v4', a str"):
        APG.of("v4")
    assert APG.of(None) is None
