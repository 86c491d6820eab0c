"""Tests of `tfctr.layers.InterestSettings`."""

import json

import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.layers import InterestSettings
from tfctr.layers.sequence.interest_settings import PRESETS, VARIANTS


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_settings_come_back_from_json(preset, variant):
    settings = InterestSettings.of(preset, {"variant": variant})
    again = InterestSettings(**json.loads(json.dumps(settings.to_dict())))
    assert again == settings


def test_presets_are_those_of_the_method_page():
    paper, author = InterestSettings.of("paper"), InterestSettings.of("author")
    names = ("score", "time_encoding", "distance", "join", "gate_units", "forget_bias")
    found = [[getattr(s, name) for name in names] for s in (paper, author)]
    assert found == [
        ["bilinear", "scalar", "plain", "sum", (), 0.0],
        ["mlp", "scalar", "circular", "concat", (80, 40), 1.0],
    ]
    assert (len(paper.units), len(author.units)) == (7, 6)
    assert author.attention_units == (80, 40)
    assert author.activation == "sigmoid"


def test_changes_replace_what_the_preset_says():
    settings = InterestSettings.of("paper", {"distance": "circular"})
    assert (settings.distance, settings.score) == ("circular", "bilinear")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("papers",), "`preset`.*Did you mean 'paper'"),
        (("paper", {"scores": "mlp"}), "`settings`.*Did you mean 'score'"),
        (("paper", {"variant": "fulll"}), "`variant`.*Did you mean 'full'"),
        (("paper", {"join": "sums"}), "`join`.*Did you mean 'sum'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(arguments, text):
    with pytest.raises(UnknownName, match=text):
        InterestSettings.of(*arguments)


@pytest.mark.parametrize("start", [-1, 1 << 41])
def test_start_has_to_be_a_unix_time(start):
    with pytest.raises(InputError, match=f"`start_seconds`: received {start}"):
        InterestSettings(start_seconds=start)
