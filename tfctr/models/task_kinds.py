"""What tasks of labels of each kind can have."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras

from tfctr.errors import InputError
from tfctr.losses.weighted_losses import RANKING
from tfctr.metrics import (
    AUC,
    CalibrationRatio,
    ExpectedCalibrationError,
    LogLoss,
    MeanValueError,
    NormalizedEntropy,
    ValueRatio,
)

if TYPE_CHECKING:
    from tfctr.models.tasks import Task

__all__ = [
    "BINARY_METRICS",
    "CROSS_ENTROPY",
    "METRICS",
    "VALUE_LOSS",
    "of_binary",
    "of_value",
]

OF_BINARY: dict[str, type[keras.metrics.Metric]] = {
    "auc": AUC,
    "normalized_entropy": NormalizedEntropy,
    "calibration_ratio": CalibrationRatio,
    "log_loss": LogLoss,
    "expected_calibration_error": ExpectedCalibrationError,
}
OF_VALUE: dict[str, type[keras.metrics.Metric]] = {
    "value_ratio": ValueRatio,
    "mean_value_error": MeanValueError,
}
METRICS = OF_BINARY | OF_VALUE
CROSS_ENTROPY = {"binary_cross_entropy": 1.0}
VALUE_LOSS = {"zero_inflated_log_normal": 1.0}
BINARY_METRICS = ("auc", "normalized_entropy", "calibration_ratio")


def of_value(task: "Task") -> "Task":
    """The task of a label that is a value: with defaults for that.

    Args:
        task: The task.

    Raises:
        InputError: It asks for what is defined for 0 and 1 alone.
    """
    if task.losses == CROSS_ENTROPY:
        task = replace(task, losses=VALUE_LOSS)
    if task.metrics == BINARY_METRICS:
        task = replace(task, metrics=tuple(OF_VALUE))
    wrong = [*(set(task.losses) - set(VALUE_LOSS)), *_unlike(task, OF_VALUE)]
    if task.space != "observed":
        wrong.append(f'space "{task.space}"')
    if wrong:
        raise InputError(
            task.label,
            received=f"{', '.join(sorted(wrong))} for a value",
            expected=", ".join([*VALUE_LOSS, *OF_VALUE]),
        )
    return task


def of_binary(task: "Task", has_two_logits: bool) -> "Task":
    """The task itself, if a label of 0 and 1 can have it.

    Args:
        task: The task.
        has_two_logits: Whether there is one for 0 and one for 1.

    Raises:
        InputError: It asks for what is defined for values alone, or for ranking
            without two logits or in another space than the observed one.
    """
    wrong = [*(set(task.losses) & set(VALUE_LOSS)), *_unlike(task, OF_BINARY)]
    if wrong:
        raise InputError(
            task.label,
            received=f"{', '.join(sorted(wrong))} for a label of 0 and 1",
            expected='what such labels have, or `Label(..., kind="value")`',
        )
    if task.is_ranked and not (has_two_logits and task.space == "observed"):
        raise InputError(
            f"{task.label}.losses",
            received=f"{RANKING!r} with one logit, or in the space {task.space!r}",
            expected='a model with a logit for 0 and one for 1, space "observed"',
            hint=f"Make the model with `two_logits=[{task.label!r}]`.",
        )
    return task


def _unlike(task: "Task", known: Mapping[str, Any]) -> list[str]:
    return [name for name in task.metrics if name not in known]
