"""Labels and weights of frames, ready for training."""

import numpy as np
import pandas as pd

from tfctr.data.cells import Array, bad_cell
from tfctr.errors import InputError
from tfctr.features import FeatureSchema, Label

__all__ = ["targets"]


def targets(
    frame: pd.DataFrame, schema: FeatureSchema
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Labels and weights of a frame of examples.

    Args:
        frame: Has a column for each of `schema.label_columns()`.
        schema: Says when a label is observed and how it is weighted.

    Returns:
        Two dicts by label name, float32 `(rows,)`: labels (0 where not observed), and
        weights (0 where not observed); among the weights, by the name of its column,
        the ripeness of labels that have one (1 where not observed).

    Raises:
        InputError: A column is missing, an observed label is neither 0 nor 1, or of
            a value negative or missing, a weight is negative or missing, or ripeness
            is not in [0, 1].
    """
    for name in schema.label_columns():
        if name not in frame:
            raise InputError(
                name,
                received=f"a frame with the columns {', '.join(map(str, frame))}",
                expected="a column with this label or weight",
            )
    declared = {label.name: label for label in schema.labels}
    values, weights = {}, {}
    for label in schema.labels:
        observed = _observed(frame, label, declared, ())
        known = _numbers(frame, label.name)
        right, expected = np.isin(known, (0.0, 1.0)), "0 or 1"
        if label.is_value:
            right = np.isfinite(known) & (known >= 0)
            expected = "a number of at least 0"
        for row in np.flatnonzero(observed & ~right)[:1]:
            raise bad_cell(frame[label.name], int(row), "the frame", expected)
        values[label.name] = np.where(observed, known, 0).astype("float32")
        weight = np.ones(len(frame)) if label.weight is None else _weight(frame, label)
        weights[label.name] = np.where(observed, weight, 0).astype("float32")
        if label.ripeness is not None:
            share = np.where(observed, _ripeness(frame, label, observed), 1)
            weights[label.ripeness] = share.astype("float32")
    return values, weights


def _observed(
    frame: pd.DataFrame,
    label: Label,
    declared: dict[str, Label],
    above: tuple[str, ...],
) -> Array:
    """Where a label counts: the one it depends on counts there, and is 1."""
    if label.observed_if is None:
        return np.ones(len(frame), bool)
    if label.name in above:
        raise InputError(
            f"{label.name}.observed_if",
            received=" -> ".join((*above, label.name)),
            expected="labels that do not depend on each other in a circle",
        )
    other = declared[label.observed_if]
    counts = _observed(frame, other, declared, (*above, label.name))
    return np.asarray(counts & (_numbers(frame, other.name) == 1))


def _numbers(frame: pd.DataFrame, name: str) -> Array:
    numbers = pd.to_numeric(frame[name], errors="coerce")
    return np.asarray(numbers.to_numpy("float64", na_value=np.nan))


def _ripeness(frame: pd.DataFrame, label: Label, observed: Array) -> Array:
    name = str(label.ripeness)
    shares = _numbers(frame, name)
    for row in np.flatnonzero(observed & ~((shares >= 0) & (shares <= 1)))[:1]:
        raise bad_cell(frame[name], int(row), "the frame", "a share from 0 to 1")
    return shares


def _weight(frame: pd.DataFrame, label: Label) -> Array:
    name = str(label.weight)
    weights = _numbers(frame, name)
    for row in np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[:1]:
        raise bad_cell(frame[name], int(row), "the frame", "a weight of at least 0")
    return weights
