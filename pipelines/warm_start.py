"""Which trained heads a new training begins with, and how they fit new vocabularies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.common import resolver

from tfctr.features import SchemaState
from tfctr.models import Calibrated, RankingModel
from tfctr.pipelines.baseline import blessed_ids
from tfctr.pipelines.trained import Trained
from tfctr.training import carry_over

__all__ = ["TRAINED_ID", "LastBlessedHeads", "heads_for"]

Event = metadata_store_pb2.Event
# Property of an assembled model: the artifact of the heads that it is made of.
TRAINED_ID = "trained_id"


class LastBlessedHeads(resolver.ResolverStrategy):
    """The heads of the last model that both checks blessed, trained on other data.

    Heads that were trained on the very examples at hand are passed over: else each
    run would train the last one's heads on the same data once more, and nothing would
    ever come from the cache.

    Its resolver takes `model`, `model_blessing`, `infra_blessing` and `examples`.
    """

    def resolve_artifacts(
        self, store: Any, input_dict: Mapping[str, list[Any]]
    ) -> dict[str, list[Any]] | None:
        """Resolves `model`, empty where there is none.

        Args:
            store: The metadata store.
            input_dict: All models, all blessings of both kinds, and the examples.
        """
        blessed = blessed_ids(input_dict["model_blessing"])
        blessed &= blessed_ids(input_dict["infra_blessing"])
        by_id = {artifact.id: artifact for artifact in input_dict["model"]}
        examples = {artifact.id for artifact in input_dict["examples"]}
        for number in sorted(blessed & set(by_id), reverse=True):
            trained = by_id[number].get_int_custom_property(TRAINED_ID)
            if trained in by_id and not examples & _made_of(store, trained):
                return {**input_dict, "model": [by_id[trained]]}
        return {**input_dict, "model": []}


def _made_of(store: Any, artifact: int) -> set[int]:
    """Ids of all that the executions which gave an artifact have read."""
    events = store.get_events_by_artifact_ids([artifact])
    makers = [e.execution_id for e in events if e.type == Event.OUTPUT]
    read = store.get_events_by_execution_ids(makers)
    return {event.artifact_id for event in read if event.type == Event.INPUT}


def heads_for(folder: str | Path, state: SchemaState) -> dict[str, RankingModel]:
    """Trained heads, for new vocabularies; calibrated ones without their curves.

    Args:
        folder: What `Trained.save` wrote.
        state: What is learnt of the new data.

    Returns:
        The heads `"ranking"` and `"pre_ranking"`.

    Raises:
        InputError: The features have changed.
    """
    trained = Trained.load(folder)
    found = {"ranking": trained.ranking, "pre_ranking": trained.pre_ranking}
    return {
        head: carry_over(
            model.model if isinstance(model, Calibrated) else model,
            trained.state,
            state,
        ).model
        for head, model in found.items()
    }
