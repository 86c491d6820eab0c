"""What smaller tables change: bytes, logits, and metrics on labelled data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.errors import InputError
from tfctr.evaluation import Report, report_from_arrays
from tfctr.export.quantization import TABLE_FORMATS, ServedTables
from tfctr.models import RankingModel

__all__ = ["TableFormatReport", "compare_table_formats"]


@dataclass(frozen=True)
class TableFormatReport:
    """A model with its tables in one format.

    Attributes:
        table_bytes: Size of all its tables.
        largest_error: Largest difference of a logit from float32 tables.
        metrics: Metrics on the data.
    """

    table_bytes: int
    largest_error: float
    metrics: Report


def compare_table_formats(
    model: RankingModel,
    dataset: Iterable[Any],
    table_formats: Iterable[str] = TABLE_FORMATS,
) -> dict[str, TableFormatReport]:
    """Measures a model with its tables in several formats, as `export.save` has them.

    Reads the dataset once. The model stays as it is.

    Args:
        model: The model, trained.
        dataset: Batches `(x, y)` or `(x, y, w)`, as `to_dataset` gives them.
        table_formats: Names of formats.

    Returns:
        A report for each format, float32 first.
    """
    model.build()
    names = list(dict.fromkeys(["float32", *table_formats]))
    served = {name: ServedTables([model], name) for name in names}
    answer = {
        name: tf.function(lambda x: model(x), reduce_retracing=True) for name in names
    }
    labels: dict[str, list[np.ndarray]] = {}
    weights: dict[str, list[np.ndarray]] = {}
    logits: dict[str, dict[str, list[np.ndarray]]] = {name: {} for name in names}
    for batch in dataset:
        x, y, *rest = batch
        _append(labels, y)
        _append(weights, rest[0] if rest else {})
        for name in names:
            with served[name].in_use():
                _append(logits[name], answer[name](x))
    if not labels:
        raise InputError("dataset", received="no examples", expected="at least one")
    found = {name: _joined(parts) for name, parts in logits.items()}
    exact = found["float32"]
    return {
        name: TableFormatReport(
            table_bytes=served[name].num_bytes,
            largest_error=max(
                float(np.abs(values[label] - exact[label]).max()) for label in exact
            ),
            metrics=report_from_arrays(
                _joined(labels),
                {label: 1 / (1 + np.exp(-z)) for label, z in values.items()},
                weights=_joined(weights) or None,
            ),
        )
        for name, values in found.items()
    }


def _append(parts: dict[str, list[np.ndarray]], batch: Mapping[str, Any]) -> None:
    for name, values in batch.items():
        parts.setdefault(name, []).append(np.asarray(values, "float64"))


def _joined(parts: Mapping[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}
