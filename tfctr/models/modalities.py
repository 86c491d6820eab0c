"""Which modalities of items a model takes, and where their vectors come from."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr import kernels
from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema, Vector
from tfctr.layers.sequence.events import RealEvents
from tfctr.types import Tensor

__all__ = [
    "attended",
    "history_of",
    "modalities_of",
    "pooled",
    "projected",
    "vectors_of",
    "without_modalities",
]


def history_of(schema: FeatureSchema, name: str | None = None) -> Any:
    """The sequence whose events are items.

    Args:
        schema: The schema.
        name: Its name; by default the first one with the item's id.

    Raises:
        InputError: The schema has no such sequence.
        UnknownName: No sequence has the name.
    """
    item_id = schema.item_id
    found = {
        sequence.name: sequence
        for sequence in schema.sequences
        if item_id in [feature.name for feature in sequence.features]
    }
    if not found:
        raise InputError(
            "sequences",
            received=[sequence.name for sequence in schema.sequences],
            expected=f"a history whose events have `{item_id}`",
        )
    if name is not None and name not in found:
        raise UnknownName("history", name, found)
    return found[name or next(iter(found))]


def vectors_of(schema: FeatureSchema, history: Any) -> list[str]:
    """Names of the vectors that both items and events of the history have.

    Raises:
        InputError: One has another width in events than in items.
    """
    of_events = {f.name: f.dim for f in history.features if isinstance(f, Vector)}
    found = [f for f in schema.item if isinstance(f, Vector) and f.name in of_events]
    for feature in found:
        if of_events[feature.name] != feature.dim:
            raise InputError(
                f"{history.name}_{feature.name}",
                received=f"width {of_events[feature.name]}",
                expected=f"{feature.dim}, the width of {feature.name} of items",
            )
    return [feature.name for feature in found]


def modalities_of(
    schema: FeatureSchema,
    history: Any,
    tables: Mapping[str, int],
    chosen: Sequence[str] | None,
) -> list[str]:
    """Names of the modalities: vectors of items and events, and tables by item.

    Args:
        schema: The schema.
        history: The sequence whose events are items.
        tables: Width of each table by its name.
        chosen: Those to take, in this order; all by default.

    Raises:
        InputError: A name stands for a vector and a table, or twice.
        UnknownName: A chosen one is neither.
    """
    found = vectors_of(schema, history)
    for name in tables:
        if name in found or name == "id":
            raise InputError(
                "tables", received=name, expected="a name that nothing else has"
            )
    found += tables
    if chosen is None:
        return found
    for name in chosen:
        if name not in found:
            raise UnknownName("modalities", name, found)
    if len(set(chosen)) < len(chosen):
        raise InputError("modalities", received=list(chosen), expected="each once")
    return list(chosen)


def without_modalities(
    schema: FeatureSchema, history: Any, names: Sequence[str]
) -> FeatureSchema:
    """The schema without these vectors of items and of events of the history."""

    def kept(features: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(
            f for f in features if not (isinstance(f, Vector) and f.name in names)
        )

    sequences = tuple(
        dataclasses.replace(sequence, features=kept(sequence.features))
        if sequence.name == history.name
        else sequence
        for sequence in schema.sequences
    )
    return dataclasses.replace(schema, item=kept(schema.item), sequences=sequences)


def attended(
    attentions: Sequence[Any],
    candidates: Sequence[Tensor],
    events: Tensor,
    mask: Tensor,
) -> list[Tensor]:
    """The interest in each modality, `(batch, candidates, dim)`.

    Args:
        attentions: One for each modality, or one that sees all of them side by side.
        candidates: Candidates in each modality, `(batch, candidates, dim)`.
        events: `(batch, time, modalities * dim)`, side by side.
        mask: `(batch, time)` booleans: which events are real.
    """
    if len(attentions) == len(candidates):
        parts = ops.split(events, len(candidates), axis=-1)
        return [
            attention(own, part, events_mask=mask)
            for attention, own, part in zip(attentions, candidates, parts, strict=True)
        ]
    (attention,) = attentions
    found = attention(ops.concatenate(candidates, -1), events, events_mask=mask)
    return [*ops.split(found, len(candidates), axis=-1)]


def pooled(
    attentions: Sequence[Any],
    candidates: Sequence[Tensor],
    events: Sequence[Tensor],
    layout: RealEvents,
) -> list[Tensor]:
    """The same for one candidate a history, `(batch, dim)`.

    Args:
        attentions: As for `attended`.
        candidates: `(batch, dim)` in each modality.
        events: `(events, dim)` in each modality: the real ones.
        layout: Which history each event is part of.
    """
    if len(attentions) == len(candidates):
        return [
            attention.pool(own, part, layout)
            for attention, own, part in zip(attentions, candidates, events, strict=True)
        ]
    (attention,) = attentions
    joined = kernels.concat(candidates), kernels.concat(events)
    return [*ops.split(attention.pool(*joined, layout), len(candidates), axis=-1)]


def projected(table: Any, projection: Any, ids: Tensor) -> Tensor:
    """Projected vectors of a table, `(..., dim)`.

    A batch has an item many times over, and padding more often still: each is looked up
    and projected once, and the short vectors spread. XLA cannot know how many there
    are; there all rows of the table are projected once, if the batch has more ids.

    Args:
        table: A `ModalTable`.
        projection: A `ModalProjection`.
        ids: `(...)` encoded ids.
    """
    if not projection.built:
        projection.build((None, table.width))
    flat = ops.reshape(ops.cast(ids, "int32"), (-1,))
    if not kernels.is_xla():
        some, places = kernels.distinct(flat)
        return _spread(projection(table(some)), places, ids)

    def each() -> Tensor:
        return projection(table(ids))

    def once() -> Tensor:
        return _spread(projection(table(ops.arange(table.num_rows))), flat, ids)

    return ops.cond(ops.size(ids) > table.num_rows, once, each)


def _spread(rows: Tensor, places: Tensor, ids: Tensor) -> Tensor:
    found = kernels.gather(rows, places)
    return ops.reshape(found, (*ops.shape(ids), rows.shape[-1]))
