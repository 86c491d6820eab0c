"""Histories whose events are compared with candidates, on what both have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.features import Column, FeatureSchema, Timestamp
from tfctr.features import Sequence as SequenceFeature
from tfctr.seeds import glorot
from tfctr.types import Tensor

if TYPE_CHECKING:
    from tfctr.models.base import RankingModel

__all__ = [
    "ComparedHistory",
    "compared_histories",
    "compared_history",
    "event_columns",
    "make_projections",
]


@dataclass(frozen=True)
class ComparedHistory:
    """What a sequence shares with the item, and what else its events have.

    Attributes:
        name: Name of the sequence.
        shared: Names of the features that events and items have.
        others: Columns of what else an event has.
    """

    name: str
    shared: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """Columns that have vectors."""
        return [*(f"{self.name}_{name}" for name in self.shared), *self.others]

    def candidates(self, names: Sequence[str], fields: Tensor) -> Tensor:
        """What candidates share with the events: `(..., dim * shared)`.

        Args:
            names: Names of the item's fields.
            fields: `(..., fields, dim)`, their embeddings.
        """
        places = [names.index(name) for name in self.shared]
        return ops.concatenate([fields[..., k, :] for k in places], axis=-1)

    def events(
        self, fields: Mapping[str, Tensor], projection: keras.layers.Layer | None
    ) -> Tensor:
        """Events `(..., dim * shared)`: what is shared, and the rest projected to it.

        Args:
            fields: `(..., dim)` by column.
            projection: Layer for what items lack; `None` where that is nothing.
        """
        shared = [fields[f"{self.name}_{name}"] for name in self.shared]
        events = ops.concatenate(shared, axis=-1)
        if projection is None:
            return events
        others = ops.concatenate([fields[name] for name in self.others], axis=-1)
        return events + projection(others)


def compared_histories(schema: FeatureSchema) -> dict[str, ComparedHistory]:
    """All sequences of a schema by name.

    Raises:
        InputError: There is none, or one shares no feature with the item.
    """
    if not schema.sequences:
        raise InputError("sequences", received="none", expected="a history")
    return {s.name: compared_history(schema, s) for s in schema.sequences}


def compared_history(
    schema: FeatureSchema, sequence: SequenceFeature
) -> ComparedHistory:
    """One sequence.

    Args:
        schema: The schema.
        sequence: One of its sequences.

    Raises:
        InputError: It shares no feature with the item.
    """
    items = [f.name for f in schema.item if not isinstance(f, Timestamp)]
    names = [f.name for f in sequence.features if not isinstance(f, Timestamp)]
    shared = tuple(name for name in names if name in items)
    if not shared:
        raise InputError(
            sequence.name,
            received=f"features {names}",
            expected=f"at least one feature of the item, of {sorted(items)}",
        )
    own = {f"{sequence.name}_{name}" for name in shared}
    columns = [column.name for column in event_columns(schema, sequence.name)]
    others = tuple(name for name in columns if name not in own)
    return ComparedHistory(sequence.name, shared, others)


def event_columns(schema: FeatureSchema, sequence: str) -> list[Column]:
    """Columns of a sequence that have vectors: all but times in seconds."""
    return [
        column
        for column in schema.encoded_columns(["sequence"])
        if column.sequence is not None
        and column.sequence.name == sequence
        and column.dtype != "int64"
    ]


def make_projections(
    model: "RankingModel", histories: Mapping[str, ComparedHistory], dim: int
) -> dict[str, keras.layers.Dense]:
    """Layers of those histories whose events have what no item has.

    Args:
        model: Whose seed and dtype they take.
        histories: By name.
        dim: Width of the embeddings.
    """
    return {
        name: keras.layers.Dense(
            dim * len(history.shared),
            use_bias=False,
            kernel_initializer=glorot(model.seed, f"{name}_projection"),
            dtype=model.dtype_policy,
            name=f"{name}_projection",
        )
        for name, history in histories.items()
        if history.others
    }
