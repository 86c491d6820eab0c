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
    """Gives back what `pack` got, as tensors: slices and reshapes only."""
    from keras import ops  # loads TensorFlow, which Beam workers need not

    places: dict[str, int] = {}
    columns = {}
    for name, dtype, shape in _layout(schema):
        wide = packed[f"packed_{dtype}"]
        start, width = places.get(dtype, 0), int(np.prod(shape, dtype=int))
        columns[name] = ops.reshape(wide[:, start : start + width], (-1, *shape))
        places[dtype] = start + width
    return columns


def is_packed(inputs: Mapping[str, Any]) -> bool:
    """Whether `inputs` are in the packed form."""
    return "packed_int32" in inputs


def _layout(schema: FeatureSchema) -> list[tuple[str, str, tuple[int, ...]]]:
    columns = [(c.name, c.dtype, c.shape) for c in schema.encoded_columns()]
    return [*columns, (GROUP_ID, "int64", ())]
