"""Losses of models of several modalities: what parts, and what belongs together."""

from keras import ops

from tfctr.types import Tensor

__all__ = ["knowledge_decoupling_loss", "synergy_loss"]

# Square of the length below which the gradient of a direction would run away.
TINY = 1e-6


def knowledge_decoupling_loss(special: Tensor, common: Tensor) -> Tensor:
    """Mean cosine of pairs of special vectors, less that of common ones.

    At its least common vectors point one way and special ones apart: of `M` modalities
    it is no less than `-1 / (M - 1) - 1`. It asks neither for independence nor for
    right angles.

    Args:
        special: `(..., modalities, dim)` floats.
        common: Likewise.

    Returns:
        float32 `(...)`; zeros for one modality.

    Source: the knowledge decoupling of Diff-MSIN, SIGIR 2025, in the form of the
    re-implementation MMCTR-Bench.
    """
    return _mean_cosine(special) - _mean_cosine(common)


def synergy_loss(
    labels: Tensor, history: Tensor, target: Tensor, *, released: bool = False
) -> Tensor:
    """`y (1 - cos) + (1 - y) (1 + cos)` of the synergies of history and candidate.

    Args:
        labels: `(...)`, 0 or 1.
        history: `(..., dim)` floats.
        target: `(..., dim)` floats.
        released: Whether it is `y max(0, cos)`, as in the released code, which drives
            clicked pairs apart.

    Returns:
        float32 `(...)`, between 0 and 2; `released` between 0 and 1.

    Source: Diff-MSIN, SIGIR 2025, the hinge form of MMCTR-Bench.
    """
    cosine = ops.sum(_unit(history) * _unit(target), axis=-1)
    labels = ops.cast(labels, "float32")
    if released:
        return labels * ops.relu(cosine)
    return 1 - (2 * labels - 1) * cosine


def _mean_cosine(vectors: Tensor) -> Tensor:
    count = vectors.shape[-2]
    units = _unit(vectors)
    if count < 2:
        return ops.zeros_like(units[..., 0, 0])
    products = ops.matmul(units, ops.swapaxes(units, -1, -2))
    every = ops.sum(products, axis=(-1, -2))
    own = ops.sum(ops.square(units), axis=(-1, -2))
    return (every - own) / (count * (count - 1))


def _unit(vectors: Tensor) -> Tensor:
    """Of length 1; a vector next to zero has no direction, and gets no gradient."""
    vectors = ops.cast(vectors, "float32")
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    has_direction = squares > TINY
    scaled = vectors * ops.rsqrt(ops.where(has_direction, squares, 1.0))
    return ops.where(has_direction, scaled, 0.0)
