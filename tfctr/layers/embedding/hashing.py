"""Rows of hashed ids: several for each id, in a table that features may share."""

import hashlib

import numpy as np
from keras import ops

from tfctr.errors import InputError
from tfctr.types import Tensor

__all__ = ["hashed_rows"]

# Fingerprints and all values on the way are below 2**31, so that no product of two of
# them leaves int64: the same numbers in numpy, TensorFlow and XLA, on every device.
BITS = 31
MASK = 2**BITS - 1


def hashed_rows(
    fingerprints: Tensor, num_rows: int, num_hashes: int, salt: str
) -> Tensor:
    """The rows of each fingerprint, by `num_hashes` hash functions.

    Each function is a bijection of 31-bit numbers (multiplications by odd numbers and
    shifts, with constants drawn from the salt) and then the multiply-shift that maps
    them to rows evenly. Missing values (fingerprint 0) have row 0, and only they.

    Args:
        fingerprints: Integers in `[0, 2**31)`, any shape; 0 is missing.
        num_rows: Number of rows of the table, at least 2.
        num_hashes: Number of rows of each fingerprint. Two of them may be equal.
        salt: Text that tells features apart which share a table.

    Returns:
        `(*fingerprints.shape, num_hashes)` int32 rows in `[0, num_rows)`.

    >>> rows = hashed_rows(np.array([0, 5, 6]), num_rows=4, num_hashes=2, salt="user")
    >>> tuple(rows.shape), rows[0].numpy().tolist()
    ((3, 2), [0, 0])
    """
    if not 2 <= num_rows <= 2**BITS:
        raise InputError(
            "num_rows", received=num_rows, expected=f"a number from 2 to {2**BITS}"
        )
    first, second, offset = constants(salt, num_hashes)
    given = ops.expand_dims(ops.cast(fingerprints, "int64"), -1)
    x = ops.bitwise_xor(given, offset)
    x = ops.bitwise_and(_folded(x, 15) * first, MASK)
    x = ops.bitwise_and(_folded(x, 13) * second, MASK)
    x = _folded(x, 16)
    rows = 1 + ops.right_shift(x * (num_rows - 1), BITS)
    return ops.cast(ops.where(ops.equal(given, 0), 0, rows), "int32")


def constants(salt: str, num_hashes: int) -> np.ndarray:
    """Two odd multipliers and an offset of each hash function: `(3, num_hashes)`."""
    if num_hashes < 1:
        raise InputError("num_hashes", received=num_hashes, expected="at least 1")
    digests = [hashlib.sha256(f"{salt}/{k}".encode()) for k in range(num_hashes)]
    words = [np.frombuffer(d.digest(), "<u4", count=3) for d in digests]
    drawn: np.ndarray = np.stack(words, axis=1).astype("int64") & MASK
    drawn[:2] |= 1
    return drawn


def _folded(x: Tensor, shift: int) -> Tensor:
    return ops.bitwise_xor(x, ops.right_shift(x, shift))
