"""Reports of arrays of labels and probabilities."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.errors import InputError, UnknownName
from tfctr.evaluation.metric_row import Examples, MetricRow
from tfctr.evaluation.report import LabelReport, Report
from tfctr.metrics.arrays.by_group import check_examples
from tfctr.metrics.arrays.overall import calibration_bins

__all__ = ["report_from_arrays"]

# A slice with more values than this shows the most frequent ones.
OTHERS = "(others)"


def report_from_arrays(
    labels: Mapping[str, ArrayLike] | ArrayLike,
    probabilities: Mapping[str, ArrayLike] | ArrayLike,
    groups: ArrayLike | None = None,
    slices: Mapping[str, ArrayLike] | None = None,
    *,
    weights: Mapping[str, ArrayLike] | ArrayLike | None = None,
    num_bins: int = 20,
    max_slice_values: int = 50,
) -> Report:
    """Measures predictions, overall and by slice.

    Args:
        labels: `(examples,)` zeros and ones, by label name; a bare array is the label
            called `label`.
        probabilities: Predictions in [0, 1], by the same names.
        groups: `(examples,)` user of each example, for GAUC.
        slices: `(examples,)` values by slice name; each value has its metrics.
        weights: Weights >= 0, by label name or for all labels; what has none does
            not count.
        num_bins: Bins of the calibration.
        max_slice_values: Values shown of a slice, the most frequent ones; the rest
            is measured together as `(others)`.

    Returns:
        The report.

    Raises:
        InputError: A name is missing, or an array is too short, NaN or out of range.

    >>> report = report_from_arrays([0, 1, 1], [0.2, 0.7, 0.6])
    >>> report.labels["label"].overall.auc
    1.0
    """
    y = _by_label(labels)
    p = _by_label(probabilities)
    reports = {}
    for name in y:
        if name not in p:
            raise UnknownName("probabilities", name, p)
        w = weights.get(name) if isinstance(weights, Mapping) else weights
        examples = _read(name, y[name], p[name], w, groups)
        rows = {
            slice_name: _measure_slice(
                examples, slice_name, values, num_bins, max_slice_values
            )
            for slice_name, values in (slices or {}).items()
        }
        bins = calibration_bins(
            examples.labels, examples.probabilities, examples.weights, num_bins=num_bins
        )
        reports[name] = LabelReport(
            overall=MetricRow.measure(examples, num_bins=num_bins),
            slices=rows,
            calibration=tuple(
                (float(mass), float(predicted), float(observed))
                for mass, predicted, observed in zip(*bins, strict=True)
            ),
        )
    return Report(reports)


def _by_label(
    values: Mapping[str, ArrayLike] | ArrayLike,
) -> Mapping[str, ArrayLike]:
    return values if isinstance(values, Mapping) else {"label": values}


def _read(
    name: str,
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None,
    groups: ArrayLike | None,
) -> Examples:
    try:
        y, p, w = check_examples(labels, probabilities, weights)
    except InputError as error:
        raise InputError(
            f"{name}: {error.field}", received=error.received, expected=error.expected
        ) from error
    if groups is None:
        return Examples(y, p, w, None)
    return Examples(y, p, w, _column("groups", groups, len(y)))


def _column(name: str, values: ArrayLike, size: int) -> NDArray[Any]:
    column = np.asarray(values).reshape(-1)
    if len(column) != size:
        raise InputError(
            name,
            received=f"{len(column)} values",
            expected=f"{size}, one for each label",
        )
    return column


def _measure_slice(
    examples: Examples,
    name: str,
    values: ArrayLike,
    num_bins: int,
    max_values: int,
) -> dict[str, MetricRow]:
    """Metrics of each value, the frequent ones first."""
    column = _column(name, values, len(examples.labels))
    found, codes, counts = np.unique(column, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rows = {
        _show(found[place]): MetricRow.measure(
            examples.take(codes == place), num_bins=num_bins
        )
        for place in order[:max_values]
    }
    rest = order[max_values:]
    if len(rest):
        others = examples.take(np.isin(codes, rest))
        rows[OTHERS] = MetricRow.measure(others, num_bins=num_bins)
    return rows


def _show(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
