"""The packed form of encoded features: few wide tensors for many narrow ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfctr.features.columns import GROUP_ID
from tfctr.features.schema import FeatureSchema

__all__ = ["is_packed", "pack", "unpack"]


def pack(schema: FeatureSchema, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Puts encoded columns of one dtype side by side.

    Args:
        schema: Gives the columns and their order; `group_id` stands last.
        arrays: Encoded arrays `(rows, *column.shape)` by name.

    Returns:
        `packed_int32`, `packed_int64` and `packed_float32`, `(rows, width)` each;
        those without columns are left out.
    """
    parts: dict[str, list[Any]] = {}
    for name, dtype, _ in _layout(schema):
        values = np.asarray(arrays[name])
        rows = values.reshape(len(values), -1)
        parts.setdefault(f"packed_{dtype}", []).append(rows)
    return {name: np.concatenate(values, axis=1) for name, values in parts.items()}


def unpack(schema: FeatureSchema, packed: Mapping[str, Any]) -> dict[str, Any]:
    """Gives back what `pack` got, as tensors: splits and reshapes only."""
    import tensorflow as tf  # which Beam workers need not load

    columns = {}
    layout = _layout(schema)
    for dtype in dict.fromkeys(dtype for _, dtype, _ in layout):
        parts = [(name, shape) for name, kind, shape in layout if kind == dtype]
        widths = [int(np.prod(shape, dtype=int)) for _, shape in parts]
        values = tf.split(packed[f"packed_{dtype}"], widths, axis=1)
        for (name, shape), value in zip(parts, values, strict=True):
            columns[name] = tf.reshape(value, (-1, *shape))
    return {name: columns[name] for name, _, _ in layout}


def is_packed(inputs: Mapping[str, Any]) -> bool:
    """Whether `inputs` are in the packed form."""
    return "packed_int32" in inputs


def _layout(schema: FeatureSchema) -> list[tuple[str, str, tuple[int, ...]]]:
    columns = [(c.name, c.dtype, c.shape) for c in schema.encoded_columns()]
    return [*columns, (GROUP_ID, "int64", ())]
