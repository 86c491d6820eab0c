"""Tests of `tfctr.export.save`: versions, files, refusals, failures."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.export.deployment import random_model, small_parts
from tests.features.shop import SCHEMA, shop_items, small_schema
from tfctr import export
from tfctr.errors import InputError, UnknownName
from tfctr.export import saving
from tfctr.features import Categorical, FeatureSchema, Label


def ask(path, name, **inputs):
    signature = tf.saved_model.load(str(path)).signatures[name]
    return {n: v.numpy() for n, v in signature(**inputs).items()}


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refused(folder, match, error=InputError, **changes):
    with pytest.raises(error, match=match):
        export.save(folder / "model", **{**small_parts(), **changes})
    assert files(folder) in ([], ["model"])


def test_deployment_carries_schema_and_items(deployed):
    extra = deployed.path / "assets.extra"
    schema = FeatureSchema.from_json((extra / "schema.json").read_text())
    assert schema == deployed.state.schema
    items = pd.read_parquet(extra / "items.parquet")
    assert items["title"].tolist() == shop_items(10)["title"].tolist()
    assert items["item_id"].tolist() == [f"i{k}" for k in range(10)]
    assert set(items) == set(shop_items(1))


def test_deployment_lies_in_the_folder_of_its_version(deployed):
    assert deployed.path.name == "1"
    assert [path.name for path in deployed.path.parent.iterdir()] == ["1"]
    assert {path.name for path in deployed.path.iterdir()} >= {
        *("saved_model.pb", "variables", "assets", "assets.extra")
    }


def test_graph_is_made_of_operations_of_tensorflow_alone(deployed):
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.python.framework import op_def_registry

    model = saved_model_pb2.SavedModel()
    model.ParseFromString((deployed.path / "saved_model.pb").read_bytes())
    graph = model.meta_graphs[0].graph_def
    functions = {function.signature.name for function in graph.library.function}
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    operations = {node.op for node in nodes} - functions
    assert len(operations) > 30
    assert not {op for op in operations if "PyFunc" in op or "Numpy" in op}
    assert [op for op in operations if op_def_registry.get(op) is None] == []


def test_versions_follow_each_other(tmp_path):
    parts, folder = small_parts(), tmp_path / "model"
    assert export.save(folder, **parts) == folder / "1"
    assert export.save(folder, **parts, version=7) == folder / "7"
    assert export.save(str(folder), **parts) == folder / "8"
    with pytest.raises(InputError, match=r"`version`: received 7, .* lacks"):
        export.save(folder, **parts, version=7)
    assert {path.name for path in folder.iterdir()} == {"1", "7", "8"}


def test_next_version_is_one_more_than_the_highest(tmp_path):
    assert export.next_version(tmp_path / "nothing") == 1
    for name in ("2", "10", ".11.partial", "latest", "-3"):
        (tmp_path / name).mkdir()
    assert export.next_version(tmp_path) == 11


def test_without_pre_ranking_there_are_three_signatures(tmp_path):
    parts = small_parts()
    path = export.save(tmp_path, **parts)
    loaded = tf.saved_model.load(str(path))
    names = {"serving_default", "ranking", "ranking_by_id"}
    assert set(loaded.signatures) == names


def test_score_is_the_first_label_by_default(tmp_path):
    parts = small_parts(labels=[Label("buy"), Label("click")])
    path = export.save(tmp_path, **parts)
    answer = ask(
        path,
        "ranking_by_id",
        user_id=tf.constant(["a"]),
        item_id=tf.constant([["i0", "i4", "?"]]),
    )
    assert set(answer) == {"buy", "click", "score"}
    np.testing.assert_array_equal(answer["score"], answer["buy"])
    assert (answer["buy"] != answer["click"]).all()


def test_integer_items_are_asked_for_by_text(tmp_path):
    parts = small_parts(item=[Categorical("item_id", dtype="int64")])
    path = export.save(
        tmp_path, **parts, pre_ranking=random_model("TwoTower", parts["state"])
    )
    users, texts = tf.constant(["a", "?"]), tf.constant([["15", "3", "8"]] * 2)
    numbers = tf.constant([[15, 3, 8]] * 2, tf.int64)
    by_id = ask(path, "ranking_by_id", user_id=users, item_id=texts)
    raw = ask(path, "ranking", user_id=users, item_id=numbers)
    np.testing.assert_allclose(by_id["score"], raw["score"], atol=1e-6)
    top = ask(path, "pre_ranking", user_id=users, item_id=texts)
    assert sorted(top["top_item_id"][0].tolist()) == [b"15", b"3", b"8"]


def test_model_of_another_schema_is_refused(tmp_path):
    other = small_parts(user=[Categorical("user_id"), Categorical("city")][:1])
    state = other["state"]
    larger = small_schema().fit(
        pd.DataFrame({"user_id": list("abcdefg"), "item_id": list("tuvwxyz")})
    )
    for name, model in (
        ("ranking", random_model("LogisticRegression", larger)),
        ("pre_ranking", random_model("TwoTower", larger)),
    ):
        refused(
            tmp_path, f"`{name}`: received a model of another schema", **{name: model}
        )
    assert state == small_parts()["state"]


def test_head_of_another_kind_is_refused(tmp_path):
    ranking = small_parts()["ranking"]
    refused(tmp_path, "LogisticRegression, expected a PreRank", pre_ranking=ranking)
    refused(tmp_path, "NoneType, expected a RankingModel", ranking=None)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"top_k": 0}, "`top_k`: received 0"),
        ({"score": {"clicks": 1.0}}, "Did you mean 'click'"),
        ({"version": -1}, "`version`: received -1"),
        ({"items": pd.DataFrame({"item_id": ["a", "a"]})}, "'a' twice"),
        ({"items": pd.DataFrame({"title": ["a"]})}, "column item_id"),
    ],
)
def test_wrong_argument_is_refused_and_leaves_nothing(tmp_path, changes, match):
    refused(tmp_path, match, (InputError, UnknownName), **changes)


def test_label_called_score_is_refused(tmp_path):
    refused(tmp_path, "`score`", **small_parts(labels=[Label("score")]))


def test_user_column_called_item_id_is_refused(tmp_path):
    schema = small_schema(
        user=[Categorical("user_id"), Categorical("item_id")],
        item=[Categorical("product")],
        item_id="product",
    )
    frame = pd.DataFrame({"user_id": ["u"], "item_id": ["i"], "product": ["p"]})
    state = schema.fit(frame)
    model = random_model("LogisticRegression", state)
    refused(tmp_path, "`item_id`", state=state, ranking=model, items=frame[["product"]])


@pytest.mark.parametrize("step", ["write_warmup_requests", "tf"])
def test_failure_midway_leaves_nothing_behind(tmp_path, monkeypatch, step):
    def fail(*_, **__):
        raise OSError("disk full")

    if step == "tf":
        real = tf.saved_model.save

        def save_and_fail(*args, **kwargs):
            real(*args, **kwargs)
            fail()

        monkeypatch.setattr(tf.saved_model, "save", save_and_fail)
    else:
        monkeypatch.setattr(saving, step, fail)
    with pytest.raises(OSError, match="disk full"):
        export.save(tmp_path / "model", **small_parts())
    assert files(tmp_path) == ["model"]
    monkeypatch.undo()
    assert export.save(tmp_path / "model", **small_parts()).name == "1"


def test_rest_of_an_interrupted_save_is_replaced(tmp_path):
    rest = tmp_path / "model" / ".1.partial"
    rest.mkdir(parents=True)
    (rest / "saved_model.pb").write_text("half")
    path = export.save(tmp_path / "model", **small_parts())
    assert [entry.name for entry in path.parent.iterdir()] == ["1"]
    assert (path / "saved_model.pb").stat().st_size > 1000


def test_schema_in_the_deployment_can_be_read_without_models(deployed):
    data = json.loads((deployed.path / "assets.extra" / "schema.json").read_text())
    assert [feature["name"] for feature in data["user"]] == [
        feature.name for feature in SCHEMA.user
    ]
