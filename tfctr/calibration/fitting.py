"""A trained model whose probabilities are made to be what is observed."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfctr.calibration.curve import Curve
from tfctr.calibration.curves import isotonic_curve, platt_curve, prior_curve
from tfctr.errors import InputError, UnknownName
from tfctr.features import Categorical
from tfctr.features.packing import is_packed, unpack
from tfctr.models import Calibrated, RankingModel

__all__ = ["METHODS", "calibrate", "check_slices"]

METHODS = {"isotonic": isotonic_curve, "platt": platt_curve}
Array = NDArray[Any]


def calibrate(
    model: RankingModel,
    dataset: Iterable[Any] | None = None,
    *,
    method: str = "isotonic",
    slices: str | None = None,
    min_examples: int = 1000,
    min_positives: int = 50,
    negative_rate: float | Mapping[str, float] | None = None,
) -> Calibrated:
    """A model that scores as `model` does, and then calibrates each label.

    Labels that are values stay as they are.

    Args:
        model: The trained model; it stays as it is.
        dataset: Batches `(x, y)` or `(x, y, w)` of single examples that the model was
            not trained on, sampled as requests are. Without, there must be a
            `negative_rate`.
        method: `"isotonic"` or `"platt"`.
        slices: Name of a single-valued categorical column: each of its values has a
            curve of its own, where there is enough to fit one.
        min_examples: Examples that a slice needs; a smaller one has the curve of all.
        min_positives: Positives, and negatives, that it needs.
        negative_rate: Share of the negatives that training kept, of all labels or by
            label: undone without fitting anything.

    Returns:
        The calibrated model.

    Raises:
        InputError: A label has only one class in the dataset, both or neither of
            dataset and rate are given, or a column has no rows.
        UnknownName: There is no such method, label or column.
    """
    if (dataset is None) == (negative_rate is None):
        raise InputError(
            "dataset",
            received="both it and `negative_rate`" if negative_rate else "nothing",
            expected="either labelled batches or a `negative_rate`",
        )
    model.build()
    if dataset is None:
        curves = _prior_curves(model, negative_rate)
        return _compiled(Calibrated(model, curves, name=f"calibrated_{model.name}"))
    if method not in METHODS:
        raise UnknownName("method", method, METHODS)
    check_slices(model, slices)
    examples = _Examples(model, dataset, slices)
    curves, by_value = dict.fromkeys(model.heads.values, Curve()), {}
    for label in model.label_names:
        if label in curves:
            continue
        x, y, w = (group[label] for group in (examples.logits, examples.y, examples.w))
        curves[label] = _fitted(label, method, x, y, w)
        by_value[label] = {
            value: METHODS[method](x[rows], y[rows], w[rows])
            for value, rows in examples.rows_by_value(w > 0)
            if _is_enough(y[rows][w[rows] > 0], min_examples, min_positives)
        }
    name = f"calibrated_{model.name}"
    return _compiled(
        Calibrated(model, curves, column=slices, by_value=by_value, name=name)
    )


def check_slices(model: RankingModel, column: str | None) -> None:
    """Holds a column to have one id an example.

    Args:
        model: Has the schema.
        column: Name of the column, or `None`.

    Raises:
        UnknownName: There is no such column.
    """
    if column is None:
        return
    columns = [
        c.name
        for c in model.schema.encoded_columns(["user", "item", "context"])
        if isinstance(c.feature, Categorical)
        and not c.shape
        and not model.schema.vocabulary(c.feature.vocabulary).is_fingerprinted
    ]
    if column not in columns:
        raise UnknownName("slices", column, columns)


class _Examples:
    """Logits, labels, weights and slices of labelled batches."""

    def __init__(
        self, model: RankingModel, dataset: Iterable[Any], column: str | None
    ) -> None:
        parts: list[tuple[Any, ...]] = []
        for x, y, *rest in dataset:
            logits = model.predict(x, verbose=0)
            plain = unpack(model.schema, x) if is_packed(x) else x
            ids = plain[column] if column else None
            parts.append((logits, y, rest[0] if rest else None, ids))
        if not parts:
            raise InputError("dataset", received="no examples", expected="some")
        names = model.label_names
        self.logits = {n: _joined([p[0][n] for p in parts]) for n in names}
        self.y = {n: _joined([p[1][n] for p in parts]) for n in names}
        self.w = {
            n: _joined([_weights(p[2], n, p[1][n]) for p in parts]) for n in names
        }
        self.ids = _joined([p[3] for p in parts]) if column else None

    def rows_by_value(self, counts: Array) -> list[tuple[int, Array]]:
        """For each value of the column its examples that count."""
        if self.ids is None:
            return []
        values = np.unique(self.ids[counts])
        return [(int(v), np.flatnonzero((self.ids == v) & counts)) for v in values]


def _joined(parts: list[Any]) -> Array:
    return np.concatenate([np.asarray(part).reshape(-1) for part in parts])


def _weights(weights: Any, label: str, like: Any) -> Array:
    if isinstance(weights, Mapping):
        weights = weights.get(label)
    return np.ones(np.size(like)) if weights is None else np.asarray(weights)


def _fitted(label: str, method: str, x: Array, y: Array, w: Array) -> Curve:
    try:
        return METHODS[method](x, y, w)
    except InputError as error:
        raise InputError(
            f"{label}",
            received=str(error),
            expected="examples by which it can be calibrated",
        ) from error


def _is_enough(y: Array, min_examples: int, min_positives: int) -> bool:
    positives = int((y > 0.5).sum())
    fewest = min(positives, len(y) - positives)
    return len(y) >= min_examples and fewest >= max(min_positives, 1)


def _prior_curves(
    model: RankingModel, negative_rate: float | Mapping[str, float] | None
) -> dict[str, Curve]:
    if not isinstance(negative_rate, Mapping):
        names = [n for n in model.label_names if n not in model.heads.values]
        negative_rate = dict.fromkeys(names, negative_rate or 0.0)
    for name in negative_rate:
        known = [n for n in model.label_names if n not in model.heads.values]
        if name not in known:
            raise UnknownName("negative_rate", name, known)
    return {
        name: prior_curve(negative_rate[name]) if name in negative_rate else Curve()
        for name in model.label_names
    }


def _compiled(model: Calibrated) -> Calibrated:
    """Compiled as its model is, so that it can be evaluated."""
    model.build()
    model.compile(tasks=[*model.model.tasks.values()] or None)
    return model
