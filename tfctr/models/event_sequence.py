"""The sequence that a model reads event by event: its columns, and its real events."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops

from tfctr import kernels
from tfctr.errors import InputError, UnknownName
from tfctr.features import (
    Categorical,
    FeatureSchema,
    Numeric,
    Sequence,
    Timestamp,
)
from tfctr.features.specs import Feature
from tfctr.layers.sequence.event_times import recent_events
from tfctr.types import Tensor

__all__ = [
    "EventSequence",
    "Places",
    "When",
    "compacted",
    "real_places",
    "restored",
]


@dataclass(frozen=True)
class EventSequence:
    """Columns of the sequence that a model reads.

    Attributes:
        name: Name of the sequence.
        marker: Column that is not 0 where an event is real.
        shared: Names of the features that events and items have.
        others: Columns of what is known of an event only afterwards.
        action: Column of the actions, if any.
        action_table: Table of their vocabulary, if any.
        num_actions: Number of ids of actions; 2 if there is no such column.
        has_several: Whether an event has several actions.
        time: Column of the events' seconds, if any.
        request_time: Column of the request's seconds, if any.
        max_length: Number of events in a request's history.
    """

    name: str
    marker: str
    shared: tuple[str, ...]
    others: tuple[str, ...]
    action: str | None
    action_table: str | None
    num_actions: int
    has_several: bool
    time: str | None
    request_time: str | None
    max_length: int

    @classmethod
    def of(cls, schema: FeatureSchema, name: str | None = None) -> "EventSequence":
        """The sequence called `name`, or the first that shares a feature with items.

        Raises:
            UnknownName: There is no such sequence.
            InputError: It shares nothing with the item, or its action has no rows.
        """
        sequence = _sequence(schema, name)
        prefix, shared = f"{sequence.name}_", _shared(schema, sequence)
        action = _action(schema, sequence)
        known = {
            f"{prefix}{n}" for n in (*shared, *((action and (action.name,)) or ()))
        }
        others = [
            column.name
            for column in schema.encoded_columns(["sequence"])
            if column.sequence is sequence
            and column.dtype != "int64"
            and column.name not in known
        ]
        time = sequence.timestamp
        return cls(
            name=sequence.name,
            marker=f"{prefix}{sequence.features[0].name}",
            shared=tuple(shared),
            others=tuple(others),
            action=f"{prefix}{action.name}" if action else None,
            action_table=schema.table(action.vocabulary) if action else None,
            num_actions=schema.size(action.vocabulary) if action else 2,
            has_several=action is not None and action.max_values is not None,
            time=f"{prefix}{time.name}" if time else None,
            request_time=schema.timestamp,
            max_length=sequence.max_length,
        )

    def columns(self, schema: FeatureSchema) -> list[str]:
        """Names of all columns of this sequence."""
        return [
            column.name
            for column in schema.encoded_columns(["sequence"])
            if column.sequence is not None and column.sequence.name == self.name
        ]

    def check_actions(self, inputs: Mapping[str, Tensor]) -> None:
        """Refuses ids that no action has, in arrays; look-ups do it elsewhere.

        Args:
            inputs: Encoded tensors by name.
        """
        values = inputs.get(self.action) if self.action is not None else None
        if values is None or not isinstance(values, np.ndarray) or not values.size:
            return
        least, most = int(values.min()), int(values.max())
        if least < 0 or most >= self.num_actions:
            raise InputError(
                self.action or "",
                received=f"id {least if least < 0 else most}",
                expected=f"ids from 0 to {self.num_actions - 1}",
            )

    def embedded(self, schema: FeatureSchema) -> FeatureSchema:
        """The schema without other sequences, and what only they need."""
        kept = tuple(s for s in schema.sequences if s.name == self.name)
        features = [*schema.user, *schema.item, *schema.context, *kept[0].features]
        used = {f.vocabulary for f in features if isinstance(f, Categorical)}
        return replace(
            schema,
            sequences=kept,
            vocabularies=tuple(v for v in schema.vocabularies if v.name in used),
            sizes={name: size for name, size in schema.sizes.items() if name in used},
        )


class Places(NamedTuple):
    """Where the real events of padded histories stand.

    Attributes:
        order: `(batch, length)` int32: places of real events, oldest first; what is
            behind them has no meaning.
        count: `(batch,)` int32: number of real events.
    """

    order: Tensor
    count: Tensor


class When(NamedTuple):
    """How many real tokens there are, when they were, and when candidates are.

    Attributes:
        length: `(batch,)` int32 numbers of real tokens.
        times: `(batch, time)` integer seconds of them, or `None`.
        request_time: `(batch, 1)` integer seconds of what stands behind, or `None`.
    """

    length: Tensor
    times: Tensor | None
    request_time: Tensor | None

    def known(self) -> dict[str, Tensor]:
        """What is known of it, by name."""
        known = {"length": self.length}
        if self.times is not None and self.request_time is not None:
            known |= {"times": self.times, "request_time": self.request_time}
        return known


def real_places(mask: Tensor, limit: int | None = None) -> Places:
    """Places of real events, wherever the padding lies.

    Args:
        mask: `(batch, time)` booleans.
        limit: Number of events kept, the most recent ones; all by default.
    """
    if limit is not None and mask.shape[1] is not None and mask.shape[1] <= limit:
        limit = None
    if limit is not None:
        mask = recent_events(mask, limit)
    real = ops.cast(mask, "int32")
    count = ops.sum(real, axis=1)
    length = ops.shape(mask)[1]
    steps = ops.arange(length, dtype="int32")
    order = ops.argsort(ops.where(mask, steps, steps + length), axis=1)
    if not kernels.is_xla():  # whose shapes are static
        order = order[:, : ops.max(ops.append(count, 0))]
    return Places(ops.cast(order, "int32"), count)


def compacted(values: Tensor, places: Places) -> Tensor:
    """`(batch, length, ...)` values of real events, oldest first.

    Args:
        values: `(batch, time, ...)`.
        places: Where the real events stand.
    """
    return tf.gather(values, places.order, batch_dims=1)


def restored(values: Tensor, mask: Tensor) -> Tensor:
    """`(batch, time, ...)` values of events in their places; 0 at padding.

    Args:
        values: `(batch, length, ...)` of real events, oldest first.
        mask: `(batch, time)` booleans: where they stood.
    """
    real = ops.cast(mask, "int32")
    places = ops.where(mask, ops.cumsum(real, axis=1) - 1, 0)
    # A place more, as there may be none at all.
    inner = len(values.shape) - 2
    more = ops.pad(values, [(0, 0), (0, 1), *[(0, 0)] * inner])
    found = tf.gather(more, places, batch_dims=1)
    return ops.where(ops.reshape(mask, (*ops.shape(mask), *[1] * inner)), found, 0.0)


def _sequence(schema: FeatureSchema, name: str | None) -> Sequence:
    known = {sequence.name: sequence for sequence in schema.sequences}
    if name is not None:
        if name not in known:
            raise UnknownName("sequence", name, known)
        return known[name]
    items = {feature.name for feature in schema.item}
    for sequence in schema.sequences:
        if any(feature.name in items for feature in sequence.features):
            return sequence
    raise InputError(
        "sequences",
        received=f"{list(known) or 'none'}",
        expected="a history that shares a feature with the item",
    )


def _shared(schema: FeatureSchema, sequence: Sequence) -> list[str]:
    """Names of features that mean the same, as numbers too, of events and of items."""
    items = {feature.name: feature for feature in schema.item}
    shared = []
    for feature in sequence.features:
        item = items.get(feature.name)
        if item is None or feature.name == sequence.action or not _is_stable(feature):
            continue
        if _meaning(item) != _meaning(feature):
            raise InputError(
                f"{sequence.name}.{feature.name}",
                received=f"{feature}",
                expected=f"what the item's feature of that name is, {item}",
            )
        shared.append(feature.name)
    if not shared:
        raise InputError(
            sequence.name,
            received=f"features {[f.name for f in sequence.features]}",
            expected=f"at least one feature of the item, of {sorted(items)}",
        )
    return shared


def _is_stable(feature: Feature) -> bool:
    """Whether one value is encoded alike in a history and in an item."""
    if isinstance(feature, Numeric):
        return feature.transform == "none"  # others are scaled by each column's moments
    return not isinstance(feature, Timestamp)


def _meaning(feature: Feature) -> tuple[object, ...]:
    if isinstance(feature, Categorical):
        return (Categorical, feature.vocabulary, feature.max_values is None)
    return (type(feature), getattr(feature, "dim", None))


def _action(schema: FeatureSchema, sequence: Sequence) -> Categorical | None:
    """The feature that says what happened, if any."""
    for feature in sequence.features:
        if feature.name != sequence.action:
            continue
        if isinstance(feature, Categorical) and not (
            schema.vocabulary(feature.vocabulary).is_fingerprinted
        ):
            return feature
        raise InputError(
            f"{sequence.name}.action",
            received=f"{feature}",
            expected="a `Categorical` with a row for each action",
        )
    return None
