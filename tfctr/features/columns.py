"""Columns: the flat list of tensors that a schema stands for, raw and encoded."""

from dataclasses import dataclass

from tfctr.features.specs import (
    CALENDAR_UNITS,
    Categorical,
    Feature,
    Numeric,
    Sequence,
    Timestamp,
    Vector,
)

__all__ = [
    "CANDIDATE_MASK",
    "GROUP_ID",
    "MISSING",
    "Column",
    "encoded_columns",
    "raw_columns",
]

# What stands for a missing value of each raw dtype.
MISSING: dict[str, str | int | float] = {
    "string": "",
    "int64": -1,
    "float32": float("nan"),
}

# Encoded column that tells users apart in metrics, also users the vocabulary lacks.
GROUP_ID = "group_id"

# Input that tells candidates from padding, where an example is a whole request.
CANDIDATE_MASK = "candidate_mask"


@dataclass(frozen=True)
class Column:
    """One tensor of the data.

    Attributes:
        name: Name in files, data frames, model inputs and signatures.
        dtype: `"string"`, `"int64"`, `"int32"` or `"float32"`.
        shape: Shape of one example: `()`, `(max_values,)`, `(dim,)`, and with the
            length of the sequence in front where it is part of one.
        role: `"user"`, `"item"`, `"context"`, `"sequence"` or `"label"`.
        feature: The declaration it comes from.
        sequence: The sequence it is part of, if any.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    role: str
    feature: Feature
    sequence: Sequence | None = None

    @property
    def missing(self) -> str | int | float:
        return MISSING[self.dtype]


def raw_columns(
    feature: Feature, role: str, sequence: Sequence | None = None
) -> list[Column]:
    """Columns of `feature` as they stand in raw data."""
    dtype = "float32"
    inner: tuple[int, ...] = ()
    if isinstance(feature, Categorical):
        dtype = feature.dtype
        inner = () if feature.max_values is None else (feature.max_values,)
    elif isinstance(feature, Vector):
        inner = (feature.dim,)
    elif isinstance(feature, Timestamp):
        dtype = "int64"
    return [_column(feature, "", dtype, inner, role, sequence)]


def encoded_columns(
    feature: Feature, role: str, sequence: Sequence | None = None
) -> list[Column]:
    """Columns of `feature` as models get them."""
    if isinstance(feature, Categorical):
        inner: tuple[int, ...] = (
            () if feature.max_values is None else (feature.max_values,)
        )
        return [_column(feature, "", "int32", inner, role, sequence)]
    if isinstance(feature, Numeric):
        return [_column(feature, "", "float32", (), role, sequence)]
    if isinstance(feature, Vector):
        return [_column(feature, "", "float32", (feature.dim,), role, sequence)]
    columns = [_column(feature, "", "int64", (), role, sequence)]
    for unit in feature.calendar:
        columns.append(_column(feature, f"_{unit}", "int32", (), role, sequence))
    return columns


def calendar_size(unit: str) -> int:
    """Number of ids of a calendar unit, the one for a missing time included."""
    return CALENDAR_UNITS[unit] + 1


def _column(
    feature: Feature,
    suffix: str,
    dtype: str,
    inner: tuple[int, ...],
    role: str,
    sequence: Sequence | None,
) -> Column:
    prefix = "" if sequence is None else f"{sequence.name}_"
    outer = () if sequence is None else (sequence.max_length,)
    name = f"{prefix}{feature.name}{suffix}"
    return Column(name, dtype, (*outer, *inner), role, feature, sequence)
