"""Rules of user sequences that pandas and Beam share: pieces of users, and weights."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from tfctr.data.cells import Array
from tfctr.data.targets import targets
from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema

__all__ = ["Weighting", "check_weighting", "pieces", "position_targets"]

Weighting: TypeAlias = Literal["target", "user"]


def check_weighting(weighting: str) -> None:
    """Refuses a weighting that there is not."""
    if weighting not in get_args(Weighting):
        raise UnknownName("weighting", weighting, get_args(Weighting))


def pieces(
    first: int, stop: int, starts: Sequence[int] | Array, max_events: int
) -> Iterator[tuple[int, int, int]]:
    """Cuts one user's places with a weight into rows of at most `max_events`.

    Args:
        first: First place with a weight.
        stop: Place behind the last one.
        starts: Where the history of each place begins.
        max_events: Events of a row at most.

    Yields:
        First place of a row, its first one with a weight, and the place behind it.

    Raises:
        InputError: A row has no room for a place behind its history.

    >>> list(pieces(0, 7, [0, 0, 0, 1, 2, 3, 4], 4))
    [(0, 0, 4), (2, 4, 6), (4, 6, 7)]
    """
    while first < stop:
        start = int(starts[first])
        end = min(stop, start + max_events)
        if end <= first:
            raise InputError(
                "max_events",
                received=max_events,
                expected=f"at least {first - start + 1}",
                hint="A row begins with the history of its first position, and with"
                " the events that this one may not know yet.",
            )
        yield start, first, end
        first = end


def position_targets(
    columns: Mapping[str, Array],
    schema: FeatureSchema,
    is_target: Array,
    user: Array,
    weighting: Weighting,
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Labels and weights of all positions of a part, both 0 where they do not count.

    Args:
        columns: Raw labels and weights by `schema.label_columns()`, `(positions,)`.
        schema: Says when a label is observed.
        is_target: Whether a position is one of the part, `(positions,)`.
        user: Number of each position's user, from 0.
        weighting: `"user"` divides by the sum over the user's positions.

    Returns:
        Two dicts by label, float32 `(positions,)`.
    """
    values, weights = targets(pd.DataFrame(dict(columns)), schema)
    for name in values:
        counted = np.where(is_target, weights[name], 0)
        if weighting == "user":
            total = np.bincount(user, counted, minlength=1)[user]
            counted = np.divide(counted, total, where=total > 0, out=counted)
        weights[name] = counted.astype("float32")
        values[name] = np.where(counted > 0, values[name], 0).astype("float32")
    return values, weights
