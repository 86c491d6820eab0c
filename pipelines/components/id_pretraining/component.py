"""Contract of IDPretraining."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from tfctr.pipelines.components.id_pretraining.executor import Executor

__all__ = ["IDPretraining", "IDPretrainingSpec"]


class IDPretrainingSpec(types.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS = {  # noqa: RUF012  # TFX reads a class attribute
        "schema": ExecutionParameter(type=str),
        "settings": ExecutionParameter(type=str),
        "log": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012  # TFX reads a class attribute
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph)
    }
    OUTPUTS = {  # noqa: RUF012  # TFX reads a class attribute
        "tables": ChannelParameter(type=standard_artifacts.Model)
    }


class IDPretraining(base_component.BaseComponent):
    """Learns tables of ids by contrast, for the heads that the Trainer trains.

    The tables are handed on as a model, which is what the Trainer takes beside
    examples (`base_model`).

    Args:
        transform_graph: Transform's output: the vocabularies.
        schema: The schema as JSON.
        settings: `IDPretrainingConfig` as JSON.
        log: Rules, paths of the raw tables and list separator as JSON, where the tables
            are learnt from the pipeline's own log.
        fingerprint: Text that changes when the files change, for the cache.
    """

    SPEC_CLASS = IDPretrainingSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        transform_graph: types.BaseChannel,
        schema: str,
        settings: str,
        fingerprint: str,
        log: str = "",
    ) -> None:
        super().__init__(
            IDPretrainingSpec(
                transform_graph=transform_graph,
                schema=schema,
                settings=settings,
                log=log,
                fingerprint=fingerprint,
                tables=types.Channel(type=standard_artifacts.Model),
            )
        )
