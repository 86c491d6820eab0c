"""Codebooks of k-means on the residuals of the level before."""

import numpy as np
from numpy.typing import NDArray

from tfctr.errors import InputError
from tfctr.types import Tensor

__all__ = ["residual_kmeans"]

# Of the mean norm of the residuals: codes for which a level has no residual left.
SPARE_SCALE = 0.1


def residual_kmeans(
    latents: Tensor,
    num_levels: int,
    num_codes: int,
    *,
    iterations: int = 10,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Codebooks that quantize `latents` level by level.

    The first level clusters the latents (k-means++ start, Lloyd's iterations), each
    further one what the levels before leave. Where these leave fewer distinct
    residuals than there are codes, as with as many items as codes, the other codes of
    the level are short random vectors.

    Args:
        latents: `(rows, dim)` floats.
        num_levels: Number of levels.
        num_codes: Number of codes of each level.
        iterations: Number of Lloyd's iterations.
        seed: Seed of the start.

    Returns:
        `(num_levels, num_codes, dim)` float32.

    Raises:
        InputError: There are fewer distinct rows than codes, or a number is not
            finite.
    """
    rows = np.asarray(latents, "float64")
    if not np.isfinite(rows).all():
        raise InputError("latents", received="NaN or infinity", expected="numbers")
    distinct = len(np.unique(rows, axis=0)) if len(rows) else 0
    if distinct < num_codes:
        raise InputError(
            "latents",
            received=f"{distinct} distinct rows of {len(rows)}",
            expected=f"at least as many as codes, {num_codes}, for a k-means start",
            hint="Give more items, or take fewer codes.",
        )
    rng = np.random.default_rng(seed)
    codebooks = []
    for _ in range(num_levels):
        centers = _kmeans(rows, num_codes, iterations, rng)
        codebooks.append(centers)
        rows = rows - centers[_nearest(rows, centers)]
    return np.stack(codebooks).astype("float32")


def _kmeans(
    rows: NDArray[np.float64], count: int, iterations: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    centers = _spread(rows, count, rng)
    for _ in range(iterations):
        own = _nearest(rows, centers)
        sizes = np.bincount(own, minlength=count)
        sums = np.zeros_like(centers)
        np.add.at(sums, own, rows)
        centers = np.where(
            sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centers
        )
    return centers


def _spread(
    rows: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Rows drawn with chances as the squared distance to those drawn before."""
    picked = [rows[rng.integers(len(rows))]]
    distances = ((rows - picked[0]) ** 2).sum(1)
    scale = np.sqrt((rows**2).sum(1).mean() / rows.shape[1])
    while len(picked) < count:
        total = distances.sum()
        # What rounding leaves of equal rows is no distance.
        if total <= 1e-12 * (1 + (rows**2).sum()):
            picked.append(rng.normal(size=rows.shape[1]) * SPARE_SCALE * (scale + 1e-3))
            continue
        picked.append(rows[rng.choice(len(rows), p=distances / total)])
        distances = np.minimum(distances, ((rows - picked[-1]) ** 2).sum(1))
    return np.stack(picked)


def _nearest(
    rows: NDArray[np.float64], centers: NDArray[np.float64]
) -> NDArray[np.int64]:
    scores = (centers**2).sum(1) - 2 * rows @ centers.T
    nearest: NDArray[np.int64] = scores.argmin(1)
    return nearest
