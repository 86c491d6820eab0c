"""Products of each example's vector with a matrix of its own."""

from keras import ops

from tfctr.types import Tensor

__all__ = ["rows_times"]


def rows_times(vectors: Tensor, matrices: Tensor) -> Tensor:
    """`(..., m)` times `(..., m, n)`, each vector by its own matrix: `(..., n)`.

    Args:
        vectors: `(..., m)` floats.
        matrices: `(..., m, n)` floats.
    """
    return ops.squeeze(ops.matmul(ops.expand_dims(vectors, -2), matrices), -2)
