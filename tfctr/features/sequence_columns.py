"""Columns of user sequences: those of a schema's sequences, and some beside them."""

import dataclasses

from tfctr.errors import InputError
from tfctr.features.columns import Column
from tfctr.features.schema import FeatureSchema
from tfctr.features.specs import Sequence

__all__ = ["check_sequence_schema", "step_column", "visible_column", "weight_column"]


def visible_column(sequence: Sequence) -> str:
    """Name of the column with the number of events that each position may know."""
    return f"{sequence.name}_visible"


def weight_column(label: str) -> str:
    """Name of the column with the weight of a label at each position."""
    return f"{label}_sample_weight"


def step_column(column: Column) -> Column:
    """A sequence's raw column for one step alone: the same values, no axis of time."""
    return dataclasses.replace(column, shape=column.shape[1:], sequence=None)


def check_sequence_schema(schema: FeatureSchema) -> int:
    """Refuses a schema that has no user sequences; gives the longest history.

    Raises:
        InputError: There is no sequence, a column has a name that this form uses, or
            a label ripens.
    """
    if not schema.sequences:
        raise InputError("sequences", received="none", expected="a history")
    for label in schema.labels:
        if label.ripeness is not None:
            raise InputError(
                f"{label.name}.ripeness",
                received=f"{label.ripeness!r} in user sequences",
                expected="none: labels that ripen are those of single examples",
            )
    taken = {c.name for c in schema.raw_columns()} | {*schema.label_columns()}
    added = [visible_column(sequence) for sequence in schema.sequences]
    for name in (*added, *(weight_column(label.name) for label in schema.labels)):
        if name in taken:
            raise InputError(
                name,
                received="a column of that name",
                expected="another name: user sequences add this column",
            )
    return max(sequence.max_length for sequence in schema.sequences)
