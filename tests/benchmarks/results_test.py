"""Tests of `benchmarks/results.py`."""

import pytest
import results

from tfctr import models


@pytest.mark.parametrize("variant", ["L", "L-c", "L-t", "S", "F", "wo-TP", "longer"])
def test_variant_stands_behind_a_colon(variant):
    (setting,) = results.trials(f"TLSI:{variant}", 1)
    config = results.config_of(f"TLSI:{variant}", setting, seed=3)
    assert (config.model, config.seed) == ("TLSI", 3)
    assert config.arguments == {**setting["arguments"], "variant": variant}
    assert "variant" not in setting["arguments"]


def test_model_without_a_colon_is_the_model():
    (setting,) = results.trials("DIN", 1)
    config = results.config_of("DIN", setting, seed=0)
    assert config.model in models.names()
    assert config.arguments == setting["arguments"]
