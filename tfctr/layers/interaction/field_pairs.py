"""Pairs of fields, in the order (0, 1), (0, 2), ..., (1, 2), ..."""

import numpy as np
from numpy.typing import NDArray

from tfctr.errors import InputError
from tfctr.types import Shape

__all__ = ["fields_and_dim", "pair_places"]


def pair_places(num_fields: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Places of the first and of the second field of each pair.

    Args:
        num_fields: Number of fields.

    >>> first, second = pair_places(3)
    >>> first.tolist(), second.tolist()
    ([0, 0, 1], [1, 2, 2])
    """
    first, second = np.triu_indices(num_fields, 1)
    return first.astype(np.int32), second.astype(np.int32)


def fields_and_dim(fields_shape: Shape) -> tuple[int, int]:
    """Number of fields and their width.

    Args:
        fields_shape: Shape `(batch, fields, dim)`.

    Raises:
        InputError: The shape has other axes, or one of the two is unknown.
    """
    shape = tuple(fields_shape)
    if len(shape) != 3 or shape[1] is None or shape[2] is None:
        raise InputError(
            "fields",
            received=f"shape {shape}",
            expected="(batch, fields, dim) with known numbers of both",
        )
    return shape[1], shape[2]
