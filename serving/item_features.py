"""Raw features of candidates, for a ranking signature that takes no ids."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfctr.errors import InputError
from tfctr.serving.feature_values import conform
from tfctr.serving.signatures import TensorSpec
from tfctr.serving.tensors import to_array

__all__ = ["ItemSource", "ItemTable", "item_inputs"]

# Item id -> raw features by name.
ItemTable = Mapping[str, Mapping[str, Any]]
# A table, or a function from N ids to arrays `[N, ...]` by feature name.
ItemSource = ItemTable | Callable[[Sequence[str]], Mapping[str, Any]]


def item_inputs(
    source: ItemSource,
    specs: Mapping[str, TensorSpec],
    ids: Sequence[str],
    item_id: str,
) -> dict[str, np.ndarray]:
    """Item inputs of shape `(1, N, ...)` for `ids`.

    Features that a table lacks, and ids that it does not know, are missing values. The
    id itself is filled in where the signature wants it.

    Args:
        source: Table or function with the features.
        specs: The signature's item inputs by name.
        ids: Candidates.
        item_id: Name of the input that takes the id.

    Raises:
        InputError: A feature without a row for every id, or of a wrong type.
    """
    if callable(source):
        inputs = {
            name: _as_declared(to_array(name, value), specs[name])
            for name, value in source(ids).items()
            if name in specs
        }
    else:
        inputs = {
            name: _column(source, spec, ids)
            for name, spec in specs.items()
            if name != item_id
        }
    if item_id in specs and item_id not in inputs:
        inputs[item_id] = to_array(item_id, list(ids))
    for name, array in inputs.items():
        if array.shape[:1] != (len(ids),):
            raise InputError(
                name,
                received=f"shape {list(array.shape)}",
                expected=f"{len(ids)} rows, one for each id",
            )
    return {name: array[np.newaxis] for name, array in inputs.items()}


def _as_declared(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Tables hold float64 and int64 where a model may take narrower numbers."""
    same_kind = spec.dtype.rstrip("0123456789") == array.dtype.name.rstrip("0123456789")
    return array.astype(spec.dtype) if same_kind and array.dtype != object else array


def _column(table: ItemTable, spec: TensorSpec, ids: Sequence[str]) -> np.ndarray:
    values = [table.get(item, {}).get(spec.name) for item in ids]
    given = [len(v) for v in values if isinstance(v, list | tuple | np.ndarray)]
    open_length = max([1, *given])
    shape = tuple(
        open_length if size is None else size for size in (spec.shape or ())[2:]
    )
    return np.stack([conform(spec, shape, v, keep_last=False) for v in values])
