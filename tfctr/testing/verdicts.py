"""How a broken law is told."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

__all__ = ["as_arrays", "require", "require_close", "require_finite"]


def require(holds: object, law: str, finding: str) -> None:
    """Raises `AssertionError` with the law and what was found, unless it holds."""
    assert holds, f"Broken law: {law}. {finding}"


def require_close(
    actual: Any, expected: Any, law: str, *, rtol: float = 1e-5, atol: float = 1e-6
) -> None:
    """Holds two structures of tensors equal, NaN to NaN, leaf by leaf."""
    names, left = _leaves(actual)
    _, right = _leaves(expected)
    require(len(left) == len(right), law, "The two results differ in structure.")
    for name, one, other in zip(names, left, right, strict=True):
        require(
            one.shape == other.shape,
            law,
            f"{name}has shape {one.shape} instead of {other.shape}.",
        )
        if np.allclose(one, other, rtol=rtol, atol=atol, equal_nan=True):
            continue
        where = np.unravel_index(np.argmax(_gap(one, other)), one.shape)
        place = f"at {tuple(map(int, where))} " if where else ""
        found = f"{name}{place}is {one[where]} instead of {other[where]}."
        require(False, law, found)


def require_finite(values: Any, law: str) -> None:
    """Holds every number of a structure of tensors finite."""
    for name, leaf in zip(*_leaves(values), strict=True):
        require(np.isfinite(leaf).all(), law, f"{name}is not finite: {leaf}.")


def as_arrays(values: Any) -> Any:
    """A structure of tensors as float64 arrays (bfloat16 has no numpy dtype)."""

    def read(value: Any) -> NDArray[Any]:
        if keras.backend.standardize_dtype(value.dtype) == "bfloat16":
            value = keras.ops.cast(value, "float32")
        return np.asarray(keras.ops.convert_to_numpy(value), np.float64)

    return keras.tree.map_structure(read, values)


def _leaves(values: Any) -> tuple[list[str], list[NDArray[Any]]]:
    named = keras.tree.flatten_with_path(as_arrays(values))
    names = ["/".join(map(str, path)) + " " if path else "It " for path, _ in named]
    return names, [leaf for _, leaf in named]


def _gap(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(invalid="ignore"):
        gap: NDArray[Any] = np.nan_to_num(np.abs(one - other), nan=np.inf)
    return gap
