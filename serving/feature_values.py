"""Raw feature values of one request, as tensors that a signature expects."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfctr.errors import InputError, UnknownName
from tfctr.serving.signatures import TensorSpec

if TYPE_CHECKING:
    from tfctr.features import FeatureSchema

__all__ = ["conform", "missing_value", "request_inputs"]

_MISSING: dict[str, Any] = {"string": b"", "int64": -1, "int32": -1, "bool": False}
_NUMPY = {"string": object}


def request_inputs(
    specs: Iterable[TensorSpec],
    values: Mapping[str, Any],
    schema: "FeatureSchema | None" = None,
) -> dict[str, np.ndarray]:
    """One request's inputs: shape `(1, ...)` each, absent features as missing.

    Lists that are too long lose their oldest events (their last values where `schema`
    says that they are no sequence), short ones are padded at the end. Where neither
    signature nor schema fix a length, all features get the longest length given.

    Args:
        specs: The inputs to make.
        values: Values of one user and request by feature name, without batch axis.
        schema: What the features are; without it vectors of a wrong length are cut
            or padded, as nothing tells them from lists.

    Raises:
        UnknownName: A value for a feature that `specs` lack.
        InputError: A value of the wrong type or depth.
    """
    specs = list(specs)
    known = [spec.name for spec in specs]
    for name in values:
        if name not in known:
            raise UnknownName("feature", name, known)
    open_length = _longest(specs, values)
    inputs = {}
    for spec in specs:
        shape = tuple(
            open_length if size is None else size for size in (spec.shape or (1,))[1:]
        )
        keep_last, exact = True, False
        if schema is not None and spec.name in _columns(schema):
            column = _columns(schema)[spec.name]
            shape = column.shape
            keep_last = column.sequence is not None
            exact = hasattr(column.feature, "dim")
        value = conform(
            spec, shape, values.get(spec.name), keep_last=keep_last, exact=exact
        )
        inputs[spec.name] = value[np.newaxis]
    return inputs


def conform(
    spec: TensorSpec,
    shape: tuple[int, ...],
    value: Any,
    *,
    keep_last: bool = True,
    exact: bool = False,
) -> np.ndarray:
    """`value` as an array of `shape`, cut and padded with the missing value.

    Args:
        spec: Name and dtype.
        shape: Shape of the result.
        value: A scalar or (nested) lists; `None` and NaN are missing.
        keep_last: Whether the first axis keeps its last values when cut.
        exact: Whether the last axis must have its length already.

    >>> conform(TensorSpec("history_item_id", "string", None), (2,), ["a", "b", "c"])
    array([b'b', b'c'], dtype=object)
    >>> conform(TensorSpec("age", "int64", None), (), None)
    array(-1)
    """
    missing = missing_value(spec.dtype)
    array = np.full(shape, missing, _NUMPY.get(spec.dtype, spec.dtype))
    if _is_missing(value):
        return array
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not shape:
        array[()] = _scalar(spec, value)
        return array
    if not isinstance(value, list | tuple):
        raise InputError(
            spec.name, received=f"{value!r:.40}", expected=f"a list of {spec.dtype}"
        )
    if exact and len(shape) == 1 and len(value) != shape[0]:
        raise InputError(
            spec.name, received=f"{len(value)} values", expected=f"{shape[0]}"
        )
    kept = value[-shape[0] :] if keep_last and shape[0] else value[: shape[0]]
    for index, inner in enumerate(kept):
        row = conform(spec, shape[1:], inner, keep_last=False, exact=exact)
        array[index, ...] = row  # with `...` also where a row is one object
    return array


def missing_value(dtype: str) -> Any:
    """What stands for a missing value of a dtype, as everywhere in tfctr."""
    return _MISSING.get(dtype, float("nan") if dtype.startswith("float") else 0)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float | np.floating) and value != value)


def _scalar(spec: TensorSpec, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if spec.dtype == "string" and isinstance(value, str | bytes):
        return value.encode() if isinstance(value, str) else value
    whole = isinstance(value, int) and not isinstance(value, bool)
    if spec.dtype.startswith(("int", "uint")) and whole:
        return value
    if spec.dtype.startswith("float") and isinstance(value, int | float):
        return value
    if spec.dtype == "bool" and isinstance(value, bool):
        return value
    raise InputError(
        spec.name,
        received=f"{type(value).__name__} {value!r:.40}",
        expected=f"one {spec.dtype}",
    )


def _longest(specs: list[TensorSpec], values: Mapping[str, Any]) -> int:
    """Longest list among features whose length the signature leaves open."""
    lengths = [
        len(values[spec.name])
        for spec in specs
        if spec.shape is not None
        and None in spec.shape[1:]
        and isinstance(values.get(spec.name), list | tuple | np.ndarray)
    ]
    return max([1, *lengths])


def _columns(schema: "FeatureSchema") -> dict[str, Any]:
    return {column.name: column for column in schema.raw_columns()}
