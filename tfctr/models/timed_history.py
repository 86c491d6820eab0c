"""Histories whose events have times: their columns, and their padding."""

from collections.abc import Mapping
from dataclasses import dataclass

from keras import ops

from tfctr.errors import InputError
from tfctr.features import FeatureSchema, Timestamp
from tfctr.models.compared_history import (
    ComparedHistory,
    compared_history,
    event_columns,
)
from tfctr.types import Tensor

__all__ = [
    "TimedHistory",
    "event_means",
    "histories_of",
    "request_time_of",
    "without_padding",
]


@dataclass(frozen=True)
class TimedHistory(ComparedHistory):
    """A sequence whose events have times.

    Attributes:
        time: Column of the events' seconds.
    """

    time: str


def request_time_of(schema: FeatureSchema) -> tuple[str, str]:
    """Column of the request's seconds, and the time zone of its calendar.

    Raises:
        InputError: The schema has no `timestamp`.
    """
    for feature in schema.context:
        if isinstance(feature, Timestamp) and feature.name == schema.timestamp:
            return feature.name, feature.time_zone
    raise InputError(
        "timestamp",
        received="none in the schema",
        expected="the name of a context `Timestamp`, the time of the request",
    )


def histories_of(schema: FeatureSchema) -> dict[str, TimedHistory]:
    """The sequences that have a timestamp, by name.

    Raises:
        InputError: There is none, or one shares no feature with the item.
    """
    found = {}
    for sequence in schema.sequences:
        if sequence.timestamp is None:
            continue
        history = compared_history(schema, sequence)
        time = f"{sequence.name}_{sequence.timestamp.name}"
        found[sequence.name] = TimedHistory(
            history.name, history.shared, history.others, time
        )
    if not found:
        raise InputError(
            "sequences",
            received=f"{[s.name for s in schema.sequences]}, none with a timestamp",
            expected="a history whose `timestamp` is declared",
        )
    return found


def event_means(
    schema: FeatureSchema, sequence: str, fields: Mapping[str, Tensor], mask: Tensor
) -> list[Tensor]:
    """`(batch, dim)` means over real events of each field; zeros without any.

    Args:
        schema: The schema.
        sequence: Name of the sequence.
        fields: `(batch, time, dim)` by column.
        mask: `(batch, time)` booleans, `True` where an event is real.
    """
    real = ops.cast(ops.expand_dims(mask, -1), "float32")
    count = ops.maximum(ops.sum(real, axis=1), 1.0)
    means = []
    for column in event_columns(schema, sequence):
        values = fields[column.name]
        total = ops.sum(ops.cast(values, "float32") * real, axis=1)
        means.append(ops.cast(total / count, values.dtype))
    return means


def without_padding(
    schema: FeatureSchema, inputs: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Inputs whose histories end at the last real event of the batch.

    Args:
        schema: The schema.
        inputs: Encoded tensors by name.
    """
    trimmed = dict(inputs)
    for sequence in schema.sequences:
        marker = inputs[f"{sequence.name}_{sequence.features[0].name}"]
        places = 1 + ops.arange(ops.shape(marker)[1], dtype="int32")
        real = ops.cast(ops.not_equal(marker, 0), "int32")
        # One step stays where all histories are empty.
        length = ops.max(ops.append(real * places, 1))
        for column in schema.encoded_columns(["sequence"]):
            if column.sequence is sequence:
                trimmed[column.name] = inputs[column.name][:, :length]
    return trimmed
