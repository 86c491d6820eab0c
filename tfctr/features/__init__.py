"""What the data is, said once: specs, schema, and what is learnt from data."""

from typing import Any

from tfctr.features.columns import GROUP_ID, Column
from tfctr.features.schema import FeatureSchema
from tfctr.features.specs import (
    Categorical,
    Label,
    Numeric,
    Sequence,
    Timestamp,
    Vector,
    Vocabulary,
)

# Modules that need TensorFlow load on first use, so that declaring costs nothing.
_LAZY = {
    "Collisions": "collision_counts",
    "Encoder": "state",
    "IdMap": "id_map",
    "OpenVocabularies": "open_vocabularies",
    "RowChanges": "id_map",
    "SchemaState": "state",
    "calendar_ids": "calendar",
    "calendar_values": "calendar",
    "collisions": "collision_counts",
    "encode": "encoding",
    "frame_to_arrays": "frames",
    "is_packed": "packing",
    "pack": "packing",
    "parse_examples": "examples",
    "parsing_spec": "examples",
    "to_example": "examples",
    "to_examples": "examples",
    "unpack": "packing",
}

__all__ = [
    "GROUP_ID",
    "Categorical",
    "Collisions",
    "Column",
    "Encoder",
    "FeatureSchema",
    "IdMap",
    "Label",
    "Numeric",
    "OpenVocabularies",
    "RowChanges",
    "SchemaState",
    "Sequence",
    "Timestamp",
    "Vector",
    "Vocabulary",
    "calendar_ids",
    "calendar_values",
    "collisions",
    "encode",
    "frame_to_arrays",
    "is_packed",
    "pack",
    "parse_examples",
    "parsing_spec",
    "to_example",
    "to_examples",
    "unpack",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
