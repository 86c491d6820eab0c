"""Learning a schema's state from a part of the examples."""

import dataclasses
from typing import TYPE_CHECKING

import pandas as pd

from tfctr.features import FeatureSchema, Numeric
from tfctr.features.columns import Column

if TYPE_CHECKING:
    from tfctr.features import SchemaState

__all__ = ["learn", "learnt_columns"]


def learn(schema: FeatureSchema, frame: pd.DataFrame) -> "SchemaState":
    """What `schema.fit(frame)` learns, without reading histories that it needs not.

    Histories mostly repeat ids that examples hold themselves, and take most of the
    time to read.
    """
    from tfctr.features import SchemaState

    needed = [column.sequence for column in learnt_columns(schema)]
    sequences = tuple(s for s in schema.sequences if s in needed)
    others = dataclasses.replace(schema, sequences=sequences, vocabularies=(), sizes={})
    used = {vocabulary.name for vocabulary in others.vocabularies}
    kept = tuple(v for v in schema.vocabularies if v.name in used)
    state = dataclasses.replace(others, vocabularies=kept).fit(frame)
    return SchemaState(schema, state.vocabularies, state.moments)


def learnt_columns(schema: FeatureSchema) -> list[Column]:
    """Raw columns from which vocabularies or moments are learnt."""
    columns = []
    for vocabulary in schema.vocabularies:
        if vocabulary.is_learnt:
            columns += schema.vocabulary_columns(vocabulary.name)
    for column in schema.raw_columns():
        feature = column.feature
        if isinstance(feature, Numeric) and feature.transform != "none":
            columns.append(column)
    return columns
