"""Tests of `tfctr.pipelines.components.ServingCheck`, without a server."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.components.util import model_utils
from tfx.types import standard_artifacts

from tests.pipelines.logs import make_small_schema, make_tables
from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.examples import build_examples
from tfctr.features import SchemaState, parse_examples, to_example
from tfctr.models import LogisticRegression, TwoTower
from tfctr.pipelines.components.serving_check import executor
from tfctr.pipelines.components.serving_check.answers import in_memory
from tfctr.pipelines.components.serving_check.encoding import skewed_features
from tfctr.pipelines.trained import Trained

SCHEMA = make_small_schema()
SPEC = BehaviourSpec("user", "item", "at", {"like": LabelRule("rating", at_least=4)})


@pytest.fixture(scope="module")
def made() -> tuple[SchemaState, list[bytes]]:
    tables = make_tables(80, 2, items=12)
    frame = build_examples(
        tables["events"], tables["users"], tables["items"], SCHEMA, SPEC
    )["train"]
    rows = frame.to_dict("records")
    return SCHEMA.fit(frame), [to_example(SCHEMA, r).SerializeToString() for r in rows]


class FakeTransform:
    """Encodes as another state does, in place of Transform's graph."""

    def __init__(self, state: SchemaState) -> None:
        self.state = state

    def transform_raw_features(self, sparse):
        examples = _serialised(sparse)
        return self.state.encode(parse_examples(SCHEMA, examples))


def _serialised(sparse) -> list[bytes]:
    rows = len(tf.sparse.to_dense(sparse["at"]))
    found = []
    for row in range(rows):
        cells = {}
        for column in SCHEMA.raw_columns():
            part = sparse[column.name]
            values = part.values.numpy()[part.indices.numpy()[:, 0] == row].tolist()
            cells[column.name] = values if column.shape else (values or [None])[0]
        found.append(to_example(SCHEMA, cells).SerializeToString())
    return found


def test_equal_encodings_have_no_skewed_feature(made):
    state, records = made
    assert skewed_features(FakeTransform(state), state, records) == []


def test_every_feature_that_is_encoded_in_two_ways_is_named(made):
    state, records = made
    vocabularies = {**state.vocabularies, "job": state.vocabularies["job"][::-1]}
    other = SchemaState(SCHEMA, vocabularies, {"price": (0.0, 2.0)})
    assert skewed_features(FakeTransform(other), state, records) == ["job", "price"]


def test_expected_answers_are_the_heads_probabilities(made):
    state, records = made
    heads = LogisticRegression(state.schema), TwoTower(state.schema, dim=4)
    for head in heads:
        head.build()
    answers = in_memory(Trained(*heads, state), records, {"like": 2.0})
    logits = heads[0](state.encode(parse_examples(SCHEMA, records)))["like"].numpy()
    probability = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(answers["serving_default"]["like"], probability, 1e-5)
    np.testing.assert_allclose(answers["ranking"]["score"], probability**2, 1e-5)


@pytest.mark.parametrize(
    ("report", "problem"),
    [
        ({"skewed_features": ["age"], "differences": {}}, "feature `age` is encoded"),
        (
            {"skewed_features": [], "differences": {"ranking": 0.1}},
            "`ranking` differs from memory by 0.1, more than 1e-05",
        ),
        (
            {"skewed_features": [], "differences": {"ranking": float("nan")}},
            "`ranking` differs from memory by nan",
        ),
    ],
)
def test_each_problem_is_said(report, problem):
    assert problem in executor._problems(report, 1e-5)[0]


@pytest.mark.parametrize("problems", [[], ["signature `ranking` differs"]])
def test_pusher_reads_the_blessing(tmp_path: Path, problems):
    blessing = standard_artifacts.InfraBlessing()
    blessing.uri = str(tmp_path / "blessing")
    executor._bless(blessing, 7, {"problems": problems})
    assert model_utils.is_infra_validated(blessing) is (not problems)
    assert blessing.get_int_custom_property("current_model_id") == 7
    report = json.loads((tmp_path / "blessing" / "report.json").read_text())
    assert report["problems"] == problems
