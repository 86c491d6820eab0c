"""An event of the log, and what is counted over all of them."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tfctr.data.behaviour import BehaviourSpec, split_boundaries, split_of
from tfctr.errors import InputError
from tfctr.features import FeatureSchema

__all__ = ["Event", "count_event", "plan_splits"]


class Event(NamedTuple):
    """A checked row of the event table.

    Attributes:
        user: User id.
        item: Item id.
        time: Seconds since 1970, UTC.
        rule_values: Raw cells of the columns that label rules look at.
        labels: Labels and weights by name.
        features: Checked values of the columns that become features.
    """

    user: str | int
    item: str | int
    time: int
    rule_values: Mapping[str, Any]
    labels: Mapping[str, float]
    features: Mapping[str, Any]


def count_event(
    event: Event, schema: FeatureSchema
) -> Iterator[tuple[tuple[str, Any], int]]:
    """What an event adds to the counts: its time, and the class of each label.

    Raises:
        InputError: A label that counts has no value.
    """
    yield ("", event.time), 1
    for label in schema.labels:
        value = event.labels[label.name]
        if label.observed_if is not None and event.labels[label.observed_if] != 1:
            continue
        if math.isnan(value):
            raise InputError(
                label.name,
                received=f"nothing for the event of {event.user!r} at {event.time}",
                expected="a value from which the label follows",
            )
        yield (label.name, float(value > 0) if label.is_value else value), 1


def plan_splits(
    counts: Iterable[tuple[tuple[str, Any], int]],
    schema: FeatureSchema,
    spec: BehaviourSpec,
) -> tuple[int, int, int]:
    """Times at which train, validation and test begin.

    Args:
        counts: Sums of what `count_event` gave.
        schema: The declaration.
        spec: The rules.

    Raises:
        InputError: A label has one class only, or a split would be empty.
    """
    found = dict(counts)
    for label in schema.labels:
        classes = {value for name, value in found if name == label.name}
        one_is_enough = label.is_value or spec.draws_negatives
        enough = 1.0 in classes if one_is_enough else len(classes) == 2
        if not enough:
            only = " and ".join(f"{value:g}" for value in classes) or "no value"
            raise InputError(
                label.name,
                received=f"only {only} in all events that count",
                expected="a value above 0" if label.is_value else "both 0 and 1",
                hint=f"It is made by {spec.labels[label.name]}.",
            )
    times = {value: n for (name, value), n in found.items() if name == ""}
    boundaries = split_boundaries(times, spec)
    filled = {split_of(time, boundaries) for time in times}
    for split in ("train", "validation", "test"):
        if split not in filled:
            raise InputError(
                spec.time_key,
                received=f"times that leave no event for the {split} split",
                expected="events in train, validation and test",
                hint="Events of one time are never divided.",
            )
    return boundaries
