"""What a run has produced, read from TFX's metadata."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from tfx.utils import path_utils

from tfctr.pipelines.components.serving_check.executor import REPORT

__all__ = ["PipelineResult", "read_result"]

Outputs = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class PipelineResult:
    """Paths and numbers of one run.

    Attributes:
        pushed: Folder of the pushed version, `None` where the model was not blessed.
        problems: Why it was not blessed; empty if it was.
        metrics: Metrics on the test split by label, of the ranking head.
        slices: The same by slice, for example `"gender=F"`.
        serving_check: What the serving check found, with `differences` by signature.
        history: Keras metrics of each epoch by head.
        model: The assembled SavedModel, pushed or not.
        trained: Folder with both heads as `.keras` and `state/`.
        seconds: Time of each component, in order.
        cached: Components that were served from the cache.
    """

    pushed: Path | None
    problems: list[str]
    metrics: dict[str, dict[str, float]]
    slices: dict[str, dict[str, dict[str, float]]]
    serving_check: dict[str, Any]
    history: dict[str, dict[str, list[float]]]
    model: Path
    trained: Path
    seconds: dict[str, float] = field(default_factory=dict)
    cached: list[str] = field(default_factory=list)


def read_result(
    outputs: Outputs, label: str, seconds: dict[str, float], cached: list[str]
) -> PipelineResult:
    """Gathers the result of a run.

    Args:
        outputs: Output artifacts by component and key.
        label: The first label; TFMA does not name the only one.
        seconds: Time of each component.
        cached: Components that were served from the cache.
    """
    trained = Path(path_utils.serving_model_dir(outputs["Trainer"]["model"].uri))
    model = Path(path_utils.serving_model_dir(outputs["ItemStore"]["model"].uri))
    report = Path(outputs["ServingCheck"]["blessing"].uri) / REPORT
    check = json.loads(report.read_text())
    evaluation = outputs["Evaluator"]["evaluation"].uri
    metrics = {
        _slice_name(key): _metrics(values, label)
        for key, values in tfma.load_eval_result(evaluation).slicing_metrics
    }
    return PipelineResult(
        pushed=_pushed(outputs["Pusher"]["pushed_model"], model),
        problems=[*_missed_thresholds(evaluation, label), *check["problems"]],
        metrics=metrics.pop("", {}),
        slices=metrics,
        serving_check=check,
        history=json.loads((trained / "history.json").read_text()),
        model=model,
        trained=trained,
        seconds=seconds,
        cached=cached,
    )


def _pushed(artifact: Any, model: Path) -> Path | None:
    if artifact.get_int_custom_property("pushed") != 1:
        return None
    folder = Path(artifact.get_string_custom_property("pushed_destination"))
    if not folder.exists():
        # The push was cached, and somebody has cleared the serving folder since.
        aside = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(model, aside)
        aside.rename(folder)
    return folder


def _slice_name(key: tuple[tuple[str, Any], ...]) -> str:
    return ",".join(f"{name}={value}" for name, value in key)


def _metrics(outputs: Any, only: str) -> dict[str, dict[str, float]]:
    """Metrics by label from TFMA's `{output: {sub key: {name: {type: value}}}}`."""
    return {
        label or only: {
            name: float(value["doubleValue"])
            for name, value in sub_keys[""].items()
            if "doubleValue" in value
        }
        for label, sub_keys in outputs.items()
    }


def _missed_thresholds(evaluation: str, only: str) -> list[str]:
    result = tfma.load_validation_result(evaluation)
    return [
        f"{failure.metric_key.name} of `{failure.metric_key.output_name or only}` is"
        f" {failure.metric_value.double_value.value:.4f}: {_bounds(failure)}"
        for found in result.metric_validations_per_slice
        for failure in found.failures
    ]


def _bounds(failure: Any) -> str:
    if failure.metric_key.is_diff:
        allowed = failure.metric_threshold.change_threshold.absolute.value
        return (
            f"as change against the last blessed model at least {allowed:g} is allowed"
        )
    limits = failure.metric_threshold.value_threshold
    texts = []
    if limits.HasField("lower_bound"):
        texts.append(f"at least {limits.lower_bound.value:g}")
    if limits.HasField("upper_bound"):
        texts.append(f"at most {limits.upper_bound.value:g}")
    return " and ".join(texts) + " is required"
