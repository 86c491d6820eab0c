"""Tests of the settings of TARQ."""

import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.models.tarq_settings import TARQSettings


def test_variants_go_before_changes():
    settings = TARQSettings.of("wo-residual", {"num_levels": 4, "num_codes": 8})
    assert (settings.num_levels, settings.num_codes) == (1, 8)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"num_codes": 2.5}, "`num_codes`: received 2.5, expected a whole number"),
        (
            {"alignment_weight": -1.0},
            "`alignment_weight`: received -1.0, expected >= 0",
        ),
        ({"temperature": 0.0}, "`temperature`: received 0.0, expected > 0"),
        ({"teacher_weight": 0.0}, "`teacher_weight`: received 0.0, .*nothing else"),
    ],
)
def test_wrong_values_are_refused(changes, text):
    with pytest.raises(InputError, match=text):
        TARQSettings.of("full", changes)


def test_unknown_start_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match=r"`start`.*Did you mean 'kmeans'"):
        TARQSettings(start="k-means")
