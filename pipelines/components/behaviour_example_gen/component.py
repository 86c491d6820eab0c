"""Contract of BehaviourExampleGen."""

from collections.abc import Mapping

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from tfctr.pipelines.components.behaviour_example_gen.executor import Executor

__all__ = ["BehaviourExampleGen", "BehaviourExampleGenSpec"]


class BehaviourExampleGenSpec(types.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {  # noqa: RUF012  # TFX reads a class attribute
        "schema": ExecutionParameter(type=str),
        "behaviour": ExecutionParameter(type=str),
        "paths": ExecutionParameter(type=str),
        "list_separator": ExecutionParameter(type=str),
        "user_sequences": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS: Mapping[str, ChannelParameter] = {}
    OUTPUTS = {  # noqa: RUF012  # TFX reads a class attribute
        "examples": ChannelParameter(type=standard_artifacts.Examples)
    }


class BehaviourExampleGen(base_beam_component.BaseBeamComponent):
    """Raw events, users and items to point-in-time examples in three splits.

    Args:
        schema: The feature schema as JSON.
        behaviour: `BehaviourSpec.to_dict()` as JSON.
        paths: JSON object with the path or pattern of each table.
        list_separator: What separates several values of one cell in CSV.
        fingerprint: Text that changes when the files change, for the cache.
        user_sequences: Makes whole users instead (`tfctr.data.build_user_sequences`):
            a JSON object with `max_events` and `weighting`. Empty for examples.
    """

    SPEC_CLASS = BehaviourExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        schema: str,
        behaviour: str,
        paths: str,
        fingerprint: str,
        list_separator: str = "|",
        user_sequences: str = "",
    ) -> None:
        examples = types.Channel(type=standard_artifacts.Examples)
        super().__init__(
            BehaviourExampleGenSpec(
                schema=schema,
                behaviour=behaviour,
                paths=paths,
                list_separator=list_separator,
                user_sequences=user_sequences,
                fingerprint=fingerprint,
                examples=examples,
            )
        )
