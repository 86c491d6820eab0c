"""Which rows of a pretrained table are which rows of a model's."""

from collections.abc import Sequence

import numpy as np

from tfctr.data.cells import Array
from tfctr.errors import InputError
from tfctr.features import SchemaState, Vocabulary
from tfctr.training.growth import RowCounts

__all__ = ["check_settings", "matching_rows"]


def matching_rows(
    vocabulary: Vocabulary, values: Sequence[str], state: SchemaState
) -> tuple[Array, Array, RowCounts]:
    """Rows of a pretrained table, where they go, and what became of the values.

    Args:
        vocabulary: Settings of the pretrained vocabulary.
        values: Its values; none where it is hashed.
        state: The model's state, which has a vocabulary of that name.

    Raises:
        InputError: Rows would not mean what they meant, or no value is in both.
    """
    settings = state.schema.vocabulary(vocabulary.name)
    check_settings(vocabulary, settings)
    if vocabulary.num_hash_buckets is not None:
        every = np.arange(1 + vocabulary.num_hash_buckets)
        return every, every, RowCounts(len(every), 0, 0)
    here = state.values(vocabulary.name)
    places = {v: p for p, v in enumerate(values, 1 + vocabulary.num_oov) if v}
    pairs = [
        (places[value], place)
        for place, value in enumerate(here, 1 + settings.num_oov)
        if value in places
    ]
    if not pairs:
        raise InputError(
            vocabulary.name,
            received=f"tables of {len(places)} values, none of which the model has",
            expected="tables of the same ids",
        )
    shared = 1 + min(vocabulary.num_oov, settings.num_oov)
    rows = np.array([(row, row) for row in range(shared)] + pairs, np.int64)
    new, old = sum(map(bool, here)) - len(pairs), len(places) - len(pairs)
    return rows[:, 0], rows[:, 1], RowCounts(len(pairs), new, old)


def check_settings(pretrained: Vocabulary, here: Vocabulary) -> None:
    """Refuses hashes that give an id other rows.

    Args:
        pretrained: Settings with which the table was learnt.
        here: Settings of the model.
    """
    names = ["num_hash_buckets", "num_hashes"]
    if pretrained.num_hash_buckets is not None:
        names.append("table")
    for name in names:
        was, now = getattr(pretrained, name), getattr(here, name)
        if was != now:
            raise InputError(
                f"{here.name}.{name}",
                received=f"{was} in the pretrained table",
                expected=f"{now}, as in the model",
                hint="Rows would not mean what they meant.",
            )
