"""Reports of a model on a dataset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.errors import InputError, UnknownName
from tfctr.evaluation.arrays import report_from_arrays
from tfctr.evaluation.report import Report
from tfctr.evaluation.value_row import ValueRow
from tfctr.features import GROUP_ID
from tfctr.metrics.streaming.value_sums import MAX_LOG_VALUE

__all__ = ["evaluate"]


def evaluate(
    model_or_predictions: keras.Model | Mapping[str, ArrayLike],
    dataset: Iterable[Any],
    *,
    slices: Sequence[str] = (),
    num_bins: int = 20,
    max_slice_values: int = 50,
    values: Sequence[str] = (),
) -> Report:
    """Measures a model, or what it has predicted, on labelled batches.

    Reads the dataset once, batch by batch; of each example it keeps predictions,
    labels, weights, `group_id` and the slices, not the features.

    Args:
        model_or_predictions: A model that gives logits by label, or probabilities
            `(examples,)` by label in the order of the dataset.
        dataset: Batches `(x, y)` or `(x, y, w)`, as `Dataset.to_dataset` gives them:
            dicts of encoded tensors, of labels, and of weights by label. GAUC needs
            `group_id` in `x`.
        slices: Names of inputs `(batch,)` by whose values to slice.
        num_bins: Bins of the calibration.
        max_slice_values: Values shown of a slice; the rest is measured together.
        values: Names of labels that are values, where predictions are given; those
            predictions are expected values. A model knows them.

    Returns:
        The report.

    Raises:
        InputError: There are no examples, an input to slice by is missing or has
            several values an example, or a prediction is NaN.
    """
    heads = getattr(model_or_predictions, "heads", None)
    values = values if heads is None else heads.values
    columns = _Columns(model_or_predictions, slices, values)
    for batch in dataset:
        columns.add(*batch)
    if not columns.y:
        raise InputError("dataset", received="no examples", expected="at least one")
    predictions: Mapping[str, ArrayLike] = columns.predictions
    if not isinstance(model_or_predictions, keras.Model):
        predictions = model_or_predictions
    y, w = columns.join(columns.y), columns.join(columns.w)
    report = report_from_arrays(
        {name: column for name, column in y.items() if name not in values},
        predictions,
        columns.join(columns.kept).get(GROUP_ID),
        {name: columns.join(columns.kept)[name] for name in slices},
        weights=w or None,
        num_bins=num_bins,
        max_slice_values=max_slice_values,
    )
    rows = {
        name: ValueRow.measure(y[name], predictions[name], w.get(name))
        for name in values
    }
    return replace(report, values=rows)


class _Columns:
    """What is kept of each batch, by name."""

    def __init__(
        self, predictor: Any, slices: Sequence[str], values: Sequence[str]
    ) -> None:
        self.values = values
        self.y: dict[str, list[NDArray[Any]]] = {}
        self.w: dict[str, list[NDArray[Any]]] = {}
        self.kept: dict[str, list[NDArray[Any]]] = {}
        self.logits: dict[str, list[NDArray[Any]]] = {}
        self.slices = slices
        self.predict = None
        if isinstance(predictor, keras.Model):
            import tensorflow as tf  # Keras' own `predict` would drop the labels

            self.predict = tf.function(predictor, reduce_retracing=True)

    def add(self, x: Mapping[str, Any], y: Any, w: Any = None) -> None:
        for name in self.slices:
            if name not in x:
                raise UnknownName("slices", name, x)
            if len(x[name].shape) != 1:
                raise InputError(
                    name,
                    received=f"shape {tuple(x[name].shape)}",
                    expected="one value for each example, to slice by",
                )
        _append(self.y, y if isinstance(y, Mapping) else {"label": y})
        if w is not None:
            names = y if isinstance(y, Mapping) else ["label"]
            _append(self.w, w if isinstance(w, Mapping) else dict.fromkeys(names, w))
        kept = {*self.slices, GROUP_ID} & set(x)
        _append(self.kept, {name: x[name] for name in kept})
        if self.predict is not None:
            outputs = self.predict(dict(x), training=False)
            _append(
                self.logits,
                outputs if isinstance(outputs, dict) else {"label": outputs},
            )

    @property
    def predictions(self) -> dict[str, NDArray[Any]]:
        return {
            name: np.exp(np.minimum(values.astype(np.float64), MAX_LOG_VALUE))
            if name in self.values
            else _sigmoid(values.astype(np.float64))
            for name, values in self.join(self.logits).items()
        }

    def join(
        self, columns: Mapping[str, list[NDArray[Any]]]
    ) -> dict[str, NDArray[Any]]:
        return {name: np.concatenate(parts) for name, parts in columns.items()}


def _append(columns: dict[str, list[NDArray[Any]]], batch: Mapping[str, Any]) -> None:
    for name, values in batch.items():
        columns.setdefault(name, []).append(np.asarray(values).reshape(-1))


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    # `tanh` saturates where `exp` would overflow.
    return 0.5 + 0.5 * np.tanh(logits / 2)
