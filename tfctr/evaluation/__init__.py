"""Offline reports: metrics overall and by slice, calibration, plots."""

from tfctr.evaluation.arrays import report_from_arrays
from tfctr.evaluation.metric_row import MetricRow
from tfctr.evaluation.report import LabelReport, Report
from tfctr.evaluation.streaming import evaluate

__all__ = [
    "LabelReport",
    "MetricRow",
    "Report",
    "evaluate",
    "report_from_arrays",
]
