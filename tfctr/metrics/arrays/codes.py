"""How evenly quantized items use the codes of each level."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.errors import InputError

__all__ = ["code_entropy", "code_usage", "most_frequent_code"]


def code_usage(codes: ArrayLike, num_codes: int) -> NDArray[np.float64]:
    """Share of the codes that are in use, of each level.

    `n` items can use at most `n / num_codes` of them.

    Args:
        codes: `(items, levels)` integers from 0.
        num_codes: Number of codes of a level.

    Returns:
        `(levels,)`; NaN where there are no items.

    >>> code_usage([[0], [0], [1], [3]], 4).tolist()
    [0.75]
    """
    counts = _counts(codes, num_codes)
    used = (counts > 0).mean(axis=1)
    return np.where(counts.sum(axis=1) > 0, used, np.nan)


def code_entropy(codes: ArrayLike, num_codes: int) -> NDArray[np.float64]:
    """Entropy of the codes in nats, of each level; `log(num_codes)` at most.

    Args:
        codes: `(items, levels)` integers from 0.
        num_codes: Number of codes of a level.

    Returns:
        `(levels,)`; NaN where there are no items.

    >>> code_entropy([[0], [0], [1], [3]], 4).round(4).tolist()
    [1.0397]
    """
    counts = _counts(codes, num_codes)
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    entropy: NDArray[np.float64] = -(share * np.log(np.where(share > 0, share, 1))).sum(
        axis=1
    )
    return entropy + 0.0  # no negative zero


def most_frequent_code(codes: ArrayLike, num_codes: int) -> NDArray[np.int64]:
    """The code that most items have, of each level; the lowest of equally frequent.

    Args:
        codes: `(items, levels)` integers from 0.
        num_codes: Number of codes of a level.

    Returns:
        `(levels,)`.

    >>> most_frequent_code([[0, 2], [0, 1], [1, 2]], 4).tolist()
    [0, 2]
    """
    frequent: NDArray[np.int64] = _counts(codes, num_codes).argmax(axis=1)
    return frequent


def _counts(codes: ArrayLike, num_codes: int) -> NDArray[np.int64]:
    """Items of each code, `(levels, num_codes)`."""
    found = np.asarray(codes)
    if found.ndim != 2 or found.dtype.kind not in "iu":
        raise InputError(
            "codes",
            received=f"{found.dtype} of shape {found.shape}",
            expected="integers (items, levels)",
        )
    if found.size and (found.min() < 0 or found.max() >= num_codes):
        raise InputError(
            "codes",
            received=f"numbers from {found.min()} to {found.max()}",
            expected=f"numbers from 0 to {num_codes - 1}",
        )
    levels = [np.bincount(level, minlength=num_codes) for level in found.T]
    return np.array(levels).reshape(-1, num_codes)
