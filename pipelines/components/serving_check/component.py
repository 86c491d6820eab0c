"""Contract of ServingCheck."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from tfctr.pipelines.components.serving_check.executor import Executor

__all__ = ["ServingCheck", "ServingCheckSpec"]


class ServingCheckSpec(types.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {  # noqa: RUF012  # TFX reads a class attribute
        "serving": ExecutionParameter(type=str)
    }
    INPUTS = {  # noqa: RUF012  # TFX reads a class attribute
        "model": ChannelParameter(type=standard_artifacts.Model),
        "trained": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
    }
    OUTPUTS = {  # noqa: RUF012  # TFX reads a class attribute
        "blessing": ChannelParameter(type=standard_artifacts.InfraBlessing)
    }


class ServingCheck(base_component.BaseComponent):
    """Asks the model over gRPC, from another process, and compares with memory.

    TFX's InfraValidator needs a Docker engine; this takes the embedded server. Pusher
    accepts its blessing in the same place.

    Args:
        model: The assembled model.
        trained: The Trainer's output, which is the model in memory.
        examples: Raw examples; those of the test split are sent.
        transform_graph: Transform's output; must encode as the served model does.
        serving: `ServingConfig` as JSON.
    """

    SPEC_CLASS = ServingCheckSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        model: types.BaseChannel,
        trained: types.BaseChannel,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        serving: str,
    ) -> None:
        super().__init__(
            ServingCheckSpec(
                model=model,
                trained=trained,
                examples=examples,
                transform_graph=transform_graph,
                serving=serving,
                blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )
