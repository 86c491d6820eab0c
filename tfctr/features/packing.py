"""The packed form of encoded features: few wide tensors for many narrow ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfctr.features.columns import GROUP_ID, Column
from tfctr.features.schema import FeatureSchema
from tfctr.features.specs import Categorical, Numeric, Vector

__all__ = [
    "is_packed",
    "is_single",
    "pack",
    "packed_columns",
    "place_of",
    "side_by_side",
    "unpack",
]

# Attribute of an unpacked tensor: the packed one, and which column of it it is.
_SOURCE = "_tfctr_packed_column"


def is_single(column: Column) -> bool:
    """Whether a column is one id for each example: one row of a table."""
    feature = column.feature
    is_list = isinstance(feature, Categorical) and feature.max_values is not None
    return (
        column.sequence is None
        and not isinstance(feature, Numeric | Vector)
        and not is_list
    )


def place_of(column: Column) -> int:
    """Sorts columns: the user's side, then the item's, all single ids together."""
    if column.role == "item":
        return 2 if is_single(column) else 3
    return 1 if is_single(column) else 0


def packed_columns(schema: FeatureSchema) -> list[Column]:
    """Encoded columns in the order in which they are packed."""
    return sorted(schema.encoded_columns(), key=place_of)


def pack(schema: FeatureSchema, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Puts encoded columns of one dtype side by side.

    Args:
        schema: Gives the columns: see `packed_columns`; `group_id` stands last.
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
    """Gives back what `pack` got, as tensors: splits and reshapes only.

    Args:
        schema: As for `pack`.
        packed: What it gave.
    """
    import tensorflow as tf  # which Beam workers need not load

    columns = {}
    layout = _layout(schema)
    for dtype in dict.fromkeys(dtype for _, dtype, _ in layout):
        parts = [(name, shape) for name, kind, shape in layout if kind == dtype]
        widths = [int(np.prod(shape, dtype=int)) for _, shape in parts]
        values = tf.split(packed[f"packed_{dtype}"], widths, axis=1)
        place = 0
        for (name, shape), width, value in zip(parts, widths, values, strict=True):
            columns[name] = tf.reshape(value, (-1, *shape))
            if not shape:
                setattr(columns[name], _SOURCE, (packed[f"packed_{dtype}"], place))
            place += width
    return {name: columns[name] for name, _, _ in layout}


def side_by_side(values: Sequence[Any], axis: int) -> Any:
    """Tensors of one shape stacked on a new axis.

    Columns that lie side by side in the packed form are taken from there as a whole,
    which saves cutting them apart.

    Args:
        values: The tensors.
        axis: Where the new axis stands.
    """
    import tensorflow as tf

    sources = [getattr(value, _SOURCE, None) for value in values]
    if axis == 1 and sources[0] is not None:
        packed, first = sources[0]
        if all(
            source is not None and source[0] is packed and source[1] == first + k
            for k, source in enumerate(sources)
        ):
            return packed[:, first : first + len(sources)]
    return tf.stack(values, axis)


def is_packed(inputs: Mapping[str, Any]) -> bool:
    """Whether `inputs` are in the packed form."""
    return "packed_int32" in inputs


def _layout(schema: FeatureSchema) -> list[tuple[str, str, tuple[int, ...]]]:
    columns = [(c.name, c.dtype, c.shape) for c in packed_columns(schema)]
    return [*columns, (GROUP_ID, "int64", ())]
