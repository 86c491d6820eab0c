"""Tests of `tfctr.pipelines.components.ItemStore`."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from tests.pipelines.logs import SPEC, make_small_schema, make_tables, write_tables
from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.examples import build_examples
from tfctr.errors import InputError
from tfctr.export import item_table, read_item_table
from tfctr.models import LogisticRegression, TwoTower
from tfctr.pipelines.components.item_store import executor
from tfctr.pipelines.components.item_store.artifacts import EncodedItems
from tfctr.pipelines.trained import Trained

RULES = BehaviourSpec("user", "item", "at", {"like": LabelRule("rating", at_least=4)})


@pytest.fixture(scope="module")
def made() -> dict[str, pd.DataFrame]:
    return make_tables(80, 2, items=12)


@pytest.fixture(scope="module")
def trained(made) -> Trained:
    schema = make_small_schema()
    train = build_examples(made["events"], made["users"], made["items"], schema, RULES)
    state = schema.fit(train["train"])
    heads = LogisticRegression(state.schema), TwoTower(state.schema, dim=4)
    for head in heads:
        head.build()
    return Trained(*heads, state)


def run(folder: Path, trained: Trained, items: pd.DataFrame, **serving) -> Path:
    def artifact(kind, name):
        made = kind()
        made.uri = str(folder / name)
        Path(made.uri).mkdir(parents=True)
        return [made]

    inputs = {"trained": artifact(standard_artifacts.Model, "trained")}
    trained.save(folder / "trained" / "Format-Serving", {})
    outputs = {
        "item_store": artifact(EncodedItems, "store"),
        "model": artifact(standard_artifacts.Model, "model"),
    }
    properties = {
        "items": write_tables({"items": items}, folder, "csv")["items"],
        "item_key": SPEC.item_key,
        "list_separator": "|",
        "serving": json.dumps({"top_k": 3, "score": None, **serving}),
        "fingerprint": "",
    }
    executor.Executor().Do(inputs, outputs, properties)
    return folder


def test_items_encoded_in_batches_are_those_encoded_at_once(
    tmp_path, trained, made, monkeypatch
):
    monkeypatch.setattr(executor, "ITEMS_IN_A_BATCH", 4)
    run(tmp_path, trained, made["items"])
    assert len(list((tmp_path / "store").glob("*.npz"))) == 3
    table = read_item_table(tmp_path / "store")
    expected = item_table(trained.state, made["items"], trained.pre_ranking)
    assert table.item_ids == expected.item_ids
    for got, want in (
        (table.encoded, expected.encoded),
        (table.stored, expected.stored),
    ):
        assert got.keys() == want.keys()
        for name, values in want.items():
            np.testing.assert_allclose(got[name], values, rtol=1e-6, err_msg=name)
    model = tf.saved_model.load(str(tmp_path / "model" / "Format-Serving"))
    assert {"serving_default", "ranking", "pre_ranking", "item_encoder"} <= set(
        model.signatures
    )


def test_tables_are_stored_in_the_configured_format(tmp_path, trained, made):
    for name in ("float32", "bfloat16"):
        folder = run(tmp_path / name, trained, made["items"], table_format=name)
        path = folder / "model" / "Format-Serving" / "variables" / "variables"
        kinds = tf.train.load_checkpoint(str(path)).get_variable_to_dtype_map()
        assert (tf.bfloat16 in kinds.values()) == (name == "bfloat16")


def test_item_that_comes_twice_is_refused(tmp_path, trained, made):
    twice = pd.concat([made["items"], made["items"].iloc[:1]])
    with pytest.raises(
        InputError, match="`item`: received 'i1' twice, again in row 11"
    ):
        run(tmp_path, trained, twice)


def test_folder_without_heads_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no ranking\.keras"):
        Trained.load(tmp_path)
