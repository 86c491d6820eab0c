"""Tests of `tfctr.pipelines.config`."""

from pathlib import Path

import pytest

from tests.models.data import SIZED, rows
from tfctr import models
from tfctr.data.behaviour import LabelRule
from tfctr.errors import InputError, UnknownName
from tfctr.models.tarq_settings import TARQSettings
from tfctr.pipelines.config import config_names, load_config

X = rows(4)[0]
FILES = """
name = "shop"
output = "build/shop"
schema = "shop.json"
[data]
events = "events.csv"
items = "items.csv"
[behaviour.labels.buy]
column = "bought"
[ranking]
model = "DIN"
[pre_ranking]
model = "TwoTower"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.toml"
    path.write_text(FILES)
    return path


def test_reads_sections_and_keeps_defaults_for_the_rest(path):
    config = load_config(path)
    assert config.schema_name == "shop.json"
    assert (config.ranking.model, config.ranking.epochs) == ("DIN", 1)
    assert config.serving_folder == Path("build/shop/serving/ctr").absolute()
    spec = config.behaviour.to_spec()
    assert spec.labels == {"buy": LabelRule("bought")}
    assert (spec.train_fraction, spec.validation_fraction) == (0.8, 0.1)


def test_one_line_names_a_teacher(path):
    config = load_config(path, ["pre_ranking.distillation={kind='pairwise'}"])
    how = config.pre_ranking.distillation
    assert (how.teacher, how.kind, how.weight) == ("ranking", "pairwise", 1.0)
    assert load_config(path).pre_ranking.distillation is None
    with pytest.raises(InputError, match="ranking head is the teacher"):
        load_config(path, ["ranking.distillation={kind='pairwise'}"])
    with pytest.raises(InputError, match=r"pre_ranking\.distillation\.kind"):
        load_config(path, ["pre_ranking.distillation={kind='other'}"])


def test_one_line_names_pretrained_tables(path):
    tables = load_config(path, ["ranking.pretrained='tables'"]).ranking.pretrained
    assert (tables.folder, tables.mode, tables.dropout) == ("tables", "frozen", 0.0)
    line = "ranking.pretrained={folder='tables', mode='trainable', learning_rate=0.1}"
    assert load_config(path, [line]).ranking.pretrained.learning_rate == 0.1
    assert load_config(path).ranking.pretrained is None
    with pytest.raises(InputError, match=r"ranking\.pretrained\.mode"):
        load_config(path, ["ranking.pretrained={folder='tables', mode='thawed'}"])


def test_one_line_names_vectors(path):
    line = "ranking.vectors={plot='build/plots'}"
    assert load_config(path, [line]).ranking.vectors == {"plot": "build/plots"}
    assert load_config(path).ranking.vectors == {}
    with pytest.raises(InputError, match=r"ranking\.vectors"):
        load_config(path, ["ranking.vectors='build/plots'"])


@pytest.mark.parametrize(
    ("override", "section", "key", "expected"),
    [
        ("ranking.epochs=3", "ranking", "epochs", 3),
        ("ranking.strategy=mirrored", "ranking", "strategy", "mirrored"),
        ("ranking.arguments={dim=8}", "ranking", "arguments", {"dim": 8}),
        ("ranking.arguments.dim = 8", "ranking", "arguments", {"dim": 8}),
        ("evaluation.slices=[['user']]", "evaluation", "slices", [["user"]]),
        ("serving.model_name=plain text", "serving", "model_name", "plain text"),
        ("beam.pipeline_args=['--runner=X']", "beam", "pipeline_args", ["--runner=X"]),
    ],
)
def test_override_replaces_one_value(path, override, section, key, expected):
    assert getattr(getattr(load_config(path, [override]), section), key) == expected


@pytest.mark.parametrize(
    ("override", "key", "near"),
    [
        ("ranking.epoch=3", "ranking.epoch", "ranking.epochs"),
        ("rankin.epochs=3", "rankin", "ranking"),
        ("behaviour.lables.x=1", "behaviour.lables", "behaviour.labels"),
        (
            "behaviour.labels.buy.at_last=3",
            "behaviour.labels.buy.at_last",
            "behaviour.labels.buy.at_least",
        ),
    ],
)
def test_key_that_does_not_exist_is_named_with_the_nearest(path, override, key, near):
    with pytest.raises(UnknownName) as raised:
        load_config(path, [override])
    assert raised.value.name == key
    assert f"Did you mean '{near}'" in str(raised.value)


@pytest.mark.parametrize(
    ("override", "field", "received", "expected"),
    [
        ("ranking.epochs='many'", "ranking.epochs", "'many'", "a valid integer"),
        ("ranking.epochs=0", "ranking.epochs", "0", "greater than or equal to 1"),
        ("ranking=1", "ranking", "1", "dictionary"),
        ("data.source='web'", "data.source", "'web'", "'files' or 'movielens_100k'"),
        ("data.items=3", "data.items", "3", "Path"),
        ("behaviour.train_fraction=1.5", "behaviour.train_fraction", "1.5", "less"),
        ("schema=''", "schema", "nothing", "a value"),
    ],
)
def test_wrong_value_is_named_with_what_was_expected(
    path, override, field, received, expected
):
    with pytest.raises(InputError) as raised:
        load_config(path, [override])
    assert raised.value.field == field
    assert received in str(raised.value.received)
    assert expected in raised.value.expected


def test_missing_value_is_named(path):
    path.write_text(FILES.replace('events = "events.csv"', ""))
    with pytest.raises(InputError, match=r"`data\.events`: received nothing"):
        load_config(path)
    path.write_text(FILES.replace('[ranking]\nmodel = "DIN"', "[ranking]"))
    with pytest.raises(InputError, match=r"`ranking\.model`: received nothing"):
        load_config(path)


def test_text_that_is_no_toml_is_refused_with_its_place(path):
    path.write_text("name = = 1\n")
    with pytest.raises(InputError, match=r"shop\.toml.*line 1"):
        load_config(path)


def test_config_that_does_not_exist_offers_the_ones_that_come_with_tfctr():
    with pytest.raises(UnknownName, match="Did you mean 'movielens'"):
        load_config("movilens")


@pytest.mark.parametrize("override", ["ranking.epochs", "=3", "ranking..epochs=3"])
def test_override_without_key_or_value_is_refused(path, override):
    with pytest.raises(InputError, match=r"expected `key=value`"):
        load_config(path, [override])


@pytest.mark.parametrize("name", config_names())
def test_every_config_that_comes_with_tfctr_is_valid(name):
    assert load_config(name).name == name


def test_shipped_configuration_of_tarq_makes_the_model():
    config = load_config("movielens_tarq")
    assert config.pre_ranking.model == "TARQ"
    settings = TARQSettings.of("full", config.pre_ranking.arguments["settings"])
    assert settings.num_codes == 64


@pytest.mark.parametrize("model", ["TLSI", "DHEN"])
def test_shipped_configuration_of_a_method_makes_its_model(model):
    config = load_config(f"movielens_{model.lower()}")
    assert config.ranking.model == model
    settings = config.ranking
    made = getattr(models, model)(SIZED, **settings.arguments)
    assert {label: logits.shape for label, logits in made(X).items()} == {
        label.name: (4,) for label in SIZED.labels
    }


def test_rounded_tables_need_a_tolerance_that_allows_for_them(path):
    rounded = ["serving.table_format=int8"]
    with pytest.raises(InputError, match=r"`serving.tolerance`: received 1e-05 with"):
        load_config(path, rounded)
    config = load_config(path, [*rounded, "serving.tolerance=0.01"])
    assert config.serving.table_format == "int8"
