"""Tests of `tfctr.pipelines.training`."""

import pytest

from tests.pipelines.logs import make_small_schema, make_tables
from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.examples import build_examples
from tfctr.errors import InputError, UnknownName
from tfctr.pipelines.training import train_head
from tfctr.training import TrainingConfig

SPEC = BehaviourSpec("user", "item", "at", {"like": LabelRule("rating", at_least=4)})


@pytest.fixture(scope="module")
def state():
    made = make_tables(60, seed=1)
    declared = make_small_schema()
    frames = build_examples(
        made["events"], made["users"], made["items"], declared, SPEC
    )
    return declared.fit(frames["train"])


def train(state, head: str, **config):
    return train_head(TrainingConfig(**config).model_dump(), state, [], [], name=head)


def test_model_that_does_not_exist_is_refused(state):
    with pytest.raises(UnknownName, match="Did you mean 'DeepFM'"):
        train(state, "ranking", model="DeepFN")


def test_argument_that_the_model_does_not_have_is_named_by_its_key(state):
    with pytest.raises(UnknownName, match="Did you mean 'dim'") as raised:
        train(state, "ranking", model="TwoTower", arguments={"dims": 4})
    assert raised.value.field == "ranking.arguments"


def test_pre_ranking_head_must_be_able_to_store_items(state):
    with pytest.raises(InputError, match=r"`pre_ranking\.model`: received 'DeepFM'"):
        train(state, "pre_ranking", model="DeepFM")
