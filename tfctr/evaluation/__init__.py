"""Offline reports: metrics overall and by slice, calibration, plots."""

from tfctr.evaluation.arrays import report_from_arrays
from tfctr.evaluation.cascade import CascadePoint, CascadeReport, cascade_report
from tfctr.evaluation.metric_row import MetricRow
from tfctr.evaluation.report import LabelReport, Report
from tfctr.evaluation.streaming import evaluate
from tfctr.evaluation.value_row import ValueRow

__all__ = [
    "CascadePoint",
    "CascadeReport",
    "LabelReport",
    "MetricRow",
    "Report",
    "ValueRow",
    "cascade_report",
    "evaluate",
    "report_from_arrays",
]
