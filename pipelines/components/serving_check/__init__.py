"""Component that asks the model over gRPC and compares."""

from tfctr.pipelines.components.serving_check.component import ServingCheck

__all__ = ["ServingCheck"]
