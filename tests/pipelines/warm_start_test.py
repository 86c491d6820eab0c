"""Tests of `tfctr.pipelines.warm_start`, on a metadata store in memory."""

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.types import standard_artifacts

from tests.pipelines.baseline_test import blessing
from tfctr.pipelines.warm_start import TRAINED_ID, LastBlessedHeads

Event = metadata_store_pb2.Event


class Runs:
    """Runs of a pipeline: examples, heads trained on them, the assembled model."""

    def __init__(self) -> None:
        config = metadata_store_pb2.ConnectionConfig()
        config.fake_database.SetInParent()
        self.store = metadata_store.MetadataStore(config)
        self.kind = self.store.put_artifact_type(
            metadata_store_pb2.ArtifactType(name="Any")
        )
        self.work = self.store.put_execution_type(
            metadata_store_pb2.ExecutionType(name="Trainer")
        )
        self.models: list[standard_artifacts.Model] = []
        self.blessings: list[standard_artifacts.ModelBlessing] = []
        self.infra: list[standard_artifacts.InfraBlessing] = []

    def artifact(self) -> int:
        (number,) = self.store.put_artifacts(
            [metadata_store_pb2.Artifact(type_id=self.kind, uri="there")]
        )
        return number

    def __call__(self, examples: int, *, good: bool = True, serves: bool = True) -> int:
        """A run; the id of the heads that it trains."""
        (execution,) = self.store.put_executions(
            [metadata_store_pb2.Execution(type_id=self.work)]
        )
        heads, assembled = self.artifact(), self.artifact()
        pairs = [(examples, Event.INPUT), (heads, Event.OUTPUT)]
        self.store.put_events(
            [Event(artifact_id=a, execution_id=execution, type=t) for a, t in pairs]
        )
        for number in (heads, assembled):
            self.models.append(standard_artifacts.Model())
            self.models[-1].id = number
        self.models[-1].set_int_custom_property(TRAINED_ID, heads)
        infra = standard_artifacts.InfraBlessing
        self.blessings.append(blessing(assembled, good))
        self.infra.append(blessing(assembled, serves, infra))
        return heads

    def start(self, examples: int) -> list[int]:
        """Ids of the heads that a training on these examples begins with."""
        data = standard_artifacts.Examples()
        data.id = examples
        found = LastBlessedHeads().resolve_artifacts(
            self.store,
            {
                "model": self.models,
                "model_blessing": self.blessings,
                "infra_blessing": self.infra,
                "examples": [data],
            },
        )
        return [artifact.id for artifact in found["model"]]


@pytest.fixture
def runs() -> Runs:
    return Runs()


def test_the_first_training_begins_with_nothing(runs):
    assert runs.start(runs.artifact()) == []


def test_it_begins_with_the_heads_of_the_last_blessed_model(runs):
    monday, tuesday, wednesday = (runs.artifact() for _ in range(3))
    runs(monday)
    heads = runs(tuesday)
    assert runs.start(wednesday) == [heads]


def test_heads_of_the_same_examples_are_passed_over(runs):
    monday, tuesday = runs.artifact(), runs.artifact()
    first = runs(monday)
    assert runs.start(monday) == []
    runs(tuesday)
    assert runs.start(tuesday) == [first]


def test_refused_models_are_passed_over(runs):
    data = [runs.artifact() for _ in range(4)]
    first = runs(data[0])
    runs(data[1], good=False)
    runs(data[2], serves=False)
    assert runs.start(data[3]) == [first]
