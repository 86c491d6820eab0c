"""Tests of `tfctr.layers.HSTUSettings`."""

import json

import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.layers import HSTUSettings


def test_presets_differ_as_documented():
    research, ranking = HSTUSettings.of("research"), HSTUSettings.of("ranking")
    assert research == HSTUSettings()
    assert (research.activated, ranking.activated) == ("all", "gate")
    assert (research.position_bias, ranking.position_bias) == (True, False)
    assert (research.output, ranking.output) == ("gated", "concat")
    assert (research.scale_scores, ranking.scale_scores) == (False, True)
    assert HSTUSettings.of("softmax").attention == "softmax"


def test_changes_win_over_the_preset():
    made = HSTUSettings.of("ranking", {"affine": False, "num_heads": 3})
    assert (made.affine, made.num_heads, made.output) == (False, 3, "concat")


def test_settings_are_json():
    made = HSTUSettings.of("softmax", {"divisor": 7.5})
    assert HSTUSettings(**json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize(
    ("preset", "changes", "text"),
    [
        ("rankin", {}, "`preset`.*Did you mean 'ranking'"),
        ("research", {"head": 2}, "`settings`: received 'head'"),
        ("research", {"attention": "softmx"}, "`attention`.*Did you mean 'softmax'"),
        ("research", {"diagonal": "real"}, "`diagonal`: received 'real'"),
        ("research", {"activated": "gates"}, "`activated`.*Did you mean 'gate'"),
        ("research", {"output": "gate"}, "`output`.*Did you mean 'gated'"),
    ],
)
def test_unknown_names_are_refused(preset, changes, text):
    with pytest.raises(UnknownName, match=text):
        HSTUSettings.of(preset, changes)


@pytest.mark.parametrize(
    "name",
    ["num_heads", "max_distance", "num_time_buckets", "query_dim", "divisor"],
)
def test_sizes_are_positive(name):
    with pytest.raises(InputError, match=f"`{name}`: received 0, expected a positive"):
        HSTUSettings(**{name: 0})


def test_dropout_of_everything_is_refused():
    with pytest.raises(InputError, match="`dropout`: received 1"):
        HSTUSettings(dropout=1)
