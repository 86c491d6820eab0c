"""Positives of several surfaces, as ids alone."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tfctr.data.cells import Array
from tfctr.data.reading import ExampleReader
from tfctr.data.reading.frame import ArraySource
from tfctr.data.reading.order import BatchOrder
from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema, SchemaState, frame_to_arrays
from tfctr.models.id_features import check_positives
from tfctr.training.pretrained.window import Window

__all__ = ["Positives", "read_positives"]

ROWS_PER_CHUNK = 16_384


@dataclass(frozen=True)
class Positives:
    """Encoded positives, for `IDPretraining.fit`.

    Attributes:
        x: Encoded ids by name.
        window: When they happened, if times are known.
        rows: Number of positives by surface.
    """

    x: dict[str, Array]
    window: Window | None
    rows: dict[str, int]

    def reader(
        self, state: SchemaState, batch_size: int = 1024, *, seed: int = 0
    ) -> ExampleReader:
        """Shuffled batches from any position, with which a training can be resumed.

        Args:
            state: The state that the positives were read with.
            batch_size: Positives in a batch.
            seed: Seed of the order.
        """
        source = ArraySource((self.x,))
        order = BatchOrder((source.rows,), batch_size, seed=seed)
        return ExampleReader([source], state, order, packed=False)


def read_positives(
    surfaces: Mapping[str, pd.DataFrame],
    state: SchemaState,
    features: Iterable[str],
    *,
    label: str | None = None,
    time: str | None = None,
) -> Positives:
    """Encodes the ids of positives, which need no other column of the schema.

    Args:
        surfaces: Raw rows by surface, such as home, search, related items.
        state: Vocabularies, those of the ranker.
        features: Names of the id features: `IDPretraining.needed`.
        label: Column of 0 and 1: rows with 0 are left out. All rows count without.
        time: Column of Unix seconds, from which the window follows.

    Raises:
        InputError: A surface lacks a column or positives, or an id is always missing.
    """
    names = list(features)
    small = _only(state, names)
    parts, times, rows = [], [], {}
    for surface, frame in surfaces.items():
        for column in [c for c in (*names, label, time) if c is not None]:
            if column not in frame:
                raise UnknownName(f"column of {surface}", column, frame.columns)
        chosen = frame if label is None else frame[frame[label] == 1]
        if not len(chosen):
            raise InputError(
                surface, received="no positives", expected="at least one positive"
            )
        parts.append(_encoded(chosen, small, names))
        rows[surface] = len(chosen)
        if time is not None:
            times.append(Window.of(chosen[time]))
    if not parts:
        raise InputError("surfaces", received="none", expected="at least one")
    x = {name: np.concatenate([part[name] for part in parts]) for name in names}
    check_positives(x, names)
    return Positives(x, Window.around(times) if times else None, rows)


def _encoded(
    frame: pd.DataFrame, state: SchemaState, names: list[str]
) -> dict[str, Array]:
    blank = {
        column.name: [column.missing] * len(frame)
        for column in state.schema.raw_columns()
        if column.name not in names
    }
    whole = pd.DataFrame({**{name: frame[name].to_numpy() for name in names}, **blank})
    chunks: list[dict[str, Any]] = []
    for start in range(0, len(whole), ROWS_PER_CHUNK):
        arrays = frame_to_arrays(state.schema, whole[start : start + ROWS_PER_CHUNK])
        encoded = state.encode(arrays)
        chunks.append({name: encoded[name].numpy() for name in names})
    return {name: np.concatenate([c[name] for c in chunks]) for name in names}


def _only(state: SchemaState, names: list[str]) -> SchemaState:
    """The state of a schema that has these columns, and those that each needs."""
    schema = state.schema
    kept = {*names, schema.user_id, schema.item_id}
    roles: dict[str, Any] = {
        role: tuple(f for f in getattr(schema, role) if f.name in kept)
        for role in ("user", "item", "context")
    }
    sequences = []
    for sequence in schema.sequences:
        features = tuple(
            f for f in sequence.features if f"{sequence.name}_{f.name}" in kept
        )
        changes: dict[str, Any] = {
            "features": features,
            "timestamp": None,
            "action": None,
        }
        if features:
            sequences.append(dataclasses.replace(sequence, **changes))
    bare = FeatureSchema(
        labels=schema.labels,
        user_id=schema.user_id,
        item_id=schema.item_id,
        sequences=tuple(sequences),
        **roles,
    )
    used = {v.name for v in bare.vocabularies}
    vocabularies = tuple(v for v in schema.vocabularies if v.name in used)
    return SchemaState(
        dataclasses.replace(bare, vocabularies=vocabularies),
        {n: v for n, v in state.vocabularies.items() if n in used},
        {},
    )
