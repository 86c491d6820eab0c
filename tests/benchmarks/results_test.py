"""Tests of `benchmarks/results.py`."""

import pytest
import results

from tests.models.data import PLAIN
from tfctr import models
from tfctr.errors import UnknownName
from tfctr.layers import APG


def test_forms_of_apg_are_settings_of_a_model():
    assert results.form_of("DeepFM", PLAIN) == ("DeepFM", {})
    name, extra = results.form_of("DeepFM+APG", PLAIN)
    assert name == "DeepFM"
    assert APG.of(extra["apg"]) == APG(["user_id", "item_id"], "v4", 8, start="static")
    _, extra = results.form_of("DIN+APG-user", PLAIN)
    assert APG.of(extra["apg"]).condition == ("user_id",)


@pytest.mark.parametrize(
    ("form", "version"), [("APG-v1", "v1"), ("APG-v5", "v5"), ("APG-self", "v4")]
)
def test_ablations_change_one_setting(form, version):
    assert APG.of(results.form_of(f"DCNv2+{form}", PLAIN)[1]["apg"]).version == version


def test_unknown_form_is_named_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'APG-v5'"):
        results.form_of("DeepFM+APGv5", PLAIN)


@pytest.mark.parametrize("variant", ["L", "L-c", "L-t", "S", "F", "wo-TP", "longer"])
def test_variant_stands_behind_a_colon(variant):
    (setting,) = results.trials(f"TLSI:{variant}", 1)
    config = results.config_of(f"TLSI:{variant}", PLAIN, setting, seed=3)
    assert (config.model, config.seed) == ("TLSI", 3)
    assert config.arguments == {**setting["arguments"], "variant": variant}
    assert "variant" not in setting["arguments"]


def test_model_without_a_colon_is_the_model():
    (setting,) = results.trials("DIN", 1)
    config = results.config_of("DIN", PLAIN, setting, seed=0)
    assert config.model in models.names()
    assert config.arguments == setting["arguments"]


def test_models_that_read_events_learn_from_whole_users():
    (setting,) = results.trials("DFGR", 1)
    config = results.config_of("DFGR", PLAIN, setting, seed=0)
    assert config.form == "user_sequences"
    assert config.arguments["context"] is False
    assert config.arguments["embedding_dim"] == setting["arguments"]["dim"]
    dropout = {"dropout": setting["arguments"]["dropout"]}
    assert config.arguments["settings"] == dropout
    single = results.config_of("DFGR:examples", PLAIN, setting, seed=0)
    assert (single.form, single.batch_size) == ("examples", 512)
    assert single.arguments == config.arguments
