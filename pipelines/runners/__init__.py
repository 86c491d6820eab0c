"""Runners: the same graph on one machine or on a cluster."""

from tfctr.pipelines.runners.local import run_pipeline
from tfctr.pipelines.runners.result import PipelineResult

__all__ = ["PipelineResult", "run_pipeline"]
