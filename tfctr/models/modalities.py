"""Which modalities of items a model takes, and where their vectors come from."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema, Vector
from tfctr.types import Tensor

__all__ = [
    "attended",
    "history_of",
    "modalities_of",
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
        events: `(batch, time, modalities, dim)`.
        mask: `(batch, time)` booleans: which events are real.
    """
    if len(attentions) == len(candidates):
        return [
            attention(candidates[m], events[:, :, m], events_mask=mask)
            for m, attention in enumerate(attentions)
        ]
    (attention,) = attentions
    joined = ops.reshape(events, (*ops.shape(events)[:2], -1))
    found = attention(ops.concatenate(candidates, -1), joined, events_mask=mask)
    return [*ops.split(found, len(candidates), axis=-1)]


def projected(table: Any, projection: Any, ids: Tensor) -> Tensor:
    """Projected vectors of a table, `(..., dim)`.

    A large batch has an item many times over. Where it has more ids than the table has
    rows, all rows are projected once, and the short vectors looked up.

    Args:
        table: A `ModalTable`.
        projection: A `ModalProjection`.
        ids: `(...)` encoded ids.
    """

    def each() -> Tensor:
        return projection(table(ids))

    def once() -> Tensor:
        rows = projection(table(ops.arange(table.num_rows)))
        return ops.take(rows, ops.cast(ids, "int32"), axis=0)

    if not projection.built:
        projection.build((None, table.width))
    return ops.cond(ops.size(ids) > table.num_rows, once, each)
