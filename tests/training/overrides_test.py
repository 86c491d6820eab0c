"""Tests of `tfctr.training.overrides`."""

import pytest

from tfctr.errors import InputError
from tfctr.training.overrides import override


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("epochs=3", {"epochs": 3, "arguments": {"dim": 4}}),
        ("arguments.dim = 8", {"epochs": 1, "arguments": {"dim": 8}}),
        ("arguments={dims=8}", {"epochs": 1, "arguments": {"dims": 8}}),
        (
            "tasks.click.losses.focal_cross_entropy=0.5",
            {
                "epochs": 1,
                "arguments": {"dim": 4},
                "tasks": {"click": {"losses": {"focal_cross_entropy": 0.5}}},
            },
        ),
        ("epochs=a=b", {"epochs": "a=b", "arguments": {"dim": 4}}),
    ],
)
def test_sets_values_at_any_depth(text, expected):
    values = {"epochs": 1, "arguments": {"dim": 4}}
    override(values, text)
    assert values == expected


@pytest.mark.parametrize("text", ["epochs", "=3", "ranking..epochs=3", "epochs.=1"])
def test_without_key_or_value_it_is_refused(text):
    with pytest.raises(InputError, match="expected `key=value`"):
        override({}, text)


def test_a_key_inside_a_value_is_refused():
    with pytest.raises(InputError, match=r"`epochs.first`: received a key inside"):
        override({"epochs": 1}, "epochs.first=3")
