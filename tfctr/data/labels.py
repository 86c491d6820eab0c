"""Labels of whole tables: the rules applied to columns, and their checks."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.cells import Array, Cells, bad_cell
from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema

__all__ = ["check_classes", "check_rules", "label_values"]


def label_values(rule: LabelRule, cells: Cells, table: str = "events") -> Array:
    """`label_value` for a whole column.

    Args:
        rule: The rule.
        cells: Column `rule.column` of the event table.
        table: Name of the table, for error texts.

    Returns:
        float32 `(rows,)` of 0 and 1, or of values, and NaN where the column is missing.

    Raises:
        InputError: The rule compares numbers and a cell holds something else, there
            is no condition and a cell is neither 0 nor 1, or a value is below 0.

    >>> label_values(LabelRule("rating", at_least=4), pd.Series([3, 4, None]))
    array([ 0.,  1., nan], dtype=float32)
    """
    missing = np.asarray(cells.isna() | (cells == ""), bool)
    if isinstance(rule.equals, str):
        labels = np.asarray(cells.astype(str) == rule.equals)
        return np.where(missing, np.nan, labels).astype("float32")
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy("float64", na_value=np.nan)
    for row in np.flatnonzero(np.isnan(numbers) & ~missing)[:1]:
        raise bad_cell(cells, int(row), table, "a number")
    if rule.equals is not None:
        labels = numbers == float(rule.equals)
    elif rule.at_least is not None:
        labels = numbers >= rule.at_least
    elif rule.is_value:
        labels = numbers
        right = missing | ((numbers >= 0) & np.isfinite(numbers))
        for row in np.flatnonzero(~right)[:1]:
            raise bad_cell(cells, int(row), table, "a number of at least 0")
    else:
        labels = numbers
        for row in np.flatnonzero(~(missing | np.isin(numbers, (0.0, 1.0))))[:1]:
            raise bad_cell(cells, int(row), table, "0 or 1")
    return np.where(missing, np.nan, labels).astype("float32")


def check_rules(schema: FeatureSchema, spec: BehaviourSpec) -> None:
    """Holds names and kinds of `spec.labels` to be those of the schema's labels.

    Args:
        schema: Has the labels.
        spec: Has the rules.

    Raises:
        UnknownName: A rule of no label.
        InputError: A label without a rule, a rule that gives another kind of label, or
            a value as the first label, which says which events are positive.
    """
    names = [label.name for label in schema.labels]
    for name in spec.labels:
        if name not in names:
            raise UnknownName("label rule", name, names)
    for name in names:
        if name not in spec.labels:
            raise InputError(
                name,
                received=f"rules for {', '.join(spec.labels)}",
                expected="a rule for each label of the schema",
            )
    for label in schema.labels:
        kinds = {True: "a value", False: "0 and 1"}
        if spec.labels[label.name].is_value != label.is_value:
            raise InputError(
                label.name,
                received=f"a rule for {kinds[not label.is_value]}",
                expected=f"one for {kinds[label.is_value]}, as the schema says",
            )
    first = next(iter(spec.labels))
    if spec.labels[first].is_value:
        raise InputError(
            first,
            received="a value as the first label",
            expected="one of 0 and 1, which says which events are positive",
        )


def check_classes(
    schema: FeatureSchema, labels: Mapping[str, Array], spec: BehaviourSpec
) -> None:
    """Refuses labels of one class only, and missing ones where they count.

    Args:
        schema: Says which label counts only where another one is 1.
        labels: float32 values of each label, `(rows,)`.
        spec: With negative sampling, events without a 0 are fine.
    """
    for label in schema.labels:
        values = labels[label.name]
        counts = np.ones(len(values), bool)
        if label.observed_if is not None:
            counts = labels[label.observed_if] == 1
        for row in np.flatnonzero(counts & np.isnan(values))[:1]:
            raise InputError(
                spec.labels[label.name].column,
                received=f"nothing in row {row} of events",
                expected=f"a value from which label `{label.name}` follows",
            )
        if label.is_value:
            values = np.where(np.isnan(values), 0, values > 0)
        classes = np.unique(values[counts])
        one_is_enough = label.is_value or spec.draws_negatives
        enough = 1.0 in classes if one_is_enough else len(classes) == 2
        if not enough:
            only = f"only {classes[0]:g}" if len(classes) else "no value"
            raise InputError(
                label.name,
                received=f"{only} in all {int(counts.sum())} events that count",
                expected="a value above 0" if label.is_value else "both 0 and 1",
                hint=f"It is made by {spec.labels[label.name]}.",
            )
