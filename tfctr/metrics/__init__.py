"""Metrics of click prediction: Keras metrics to train with, functions on arrays.

Labels are 0 or 1 and predictions are logits, unless `from_logits=False`; those of
values, `ValueRatio` and `MeanValueError`, take logarithms of them. What is not
defined (no examples, or none of one class) is NaN, not a number that looks like a
result. A NaN among predictions that count makes the metric NaN.
"""

from tfctr.metrics.arrays.by_group import grouped_auc
from tfctr.metrics.arrays.by_request import rank_correlation, recall_at_k, top_list
from tfctr.metrics.arrays.codes import code_entropy, code_usage, most_frequent_code
from tfctr.metrics.arrays.overall import (
    auc,
    calibration_ratio,
    expected_calibration_error,
    log_loss,
    normalized_entropy,
)
from tfctr.metrics.streaming.auc import AUC
from tfctr.metrics.streaming.calibration_ratio import CalibrationRatio
from tfctr.metrics.streaming.expected_calibration_error import ExpectedCalibrationError
from tfctr.metrics.streaming.grouped_auc import GroupedAUC
from tfctr.metrics.streaming.log_loss import LogLoss
from tfctr.metrics.streaming.mean_value_error import MeanValueError
from tfctr.metrics.streaming.normalized_entropy import NormalizedEntropy
from tfctr.metrics.streaming.value_ratio import ValueRatio

__all__ = [
    "AUC",
    "CalibrationRatio",
    "ExpectedCalibrationError",
    "GroupedAUC",
    "LogLoss",
    "MeanValueError",
    "NormalizedEntropy",
    "ValueRatio",
    "auc",
    "calibration_ratio",
    "code_entropy",
    "code_usage",
    "expected_calibration_error",
    "grouped_auc",
    "log_loss",
    "most_frequent_code",
    "normalized_entropy",
    "rank_correlation",
    "recall_at_k",
    "top_list",
]
