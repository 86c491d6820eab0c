"""Contract of AnomalyGate."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter

from tfctr.pipelines.components.anomaly_gate.executor import Executor

__all__ = ["AnomalyGate", "AnomalyGateSpec"]


class AnomalyGateSpec(types.ComponentSpec):
    """Inputs, outputs and parameters."""

    PARAMETERS: dict[str, object] = {}  # noqa: RUF012  # TFX reads a class attribute
    INPUTS = {  # noqa: RUF012  # TFX reads a class attribute
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies)
    }
    OUTPUTS = {  # noqa: RUF012  # TFX reads a class attribute
        "passed": ChannelParameter(type=standard_artifacts.String)
    }


class AnomalyGate(base_component.BaseComponent):
    """Stops the run if ExampleValidator found an anomaly in any split.

    TFX's ExampleValidator only writes its findings down. Components that must not see
    bad data take this one as upstream node.

    Args:
        anomalies: What ExampleValidator found.
    """

    SPEC_CLASS = AnomalyGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, anomalies: types.BaseChannel) -> None:
        passed = types.Channel(type=standard_artifacts.String)
        super().__init__(AnomalyGateSpec(anomalies=anomalies, passed=passed))
