"""Look-ups of codewords by the codes of candidates."""

from keras import ops

from tfctr.types import Tensor

__all__ = ["codeword_sum", "codewords"]


def codewords(codebooks: Tensor, codes: Tensor) -> Tensor:
    """The codeword of each level.

    Args:
        codebooks: `(levels, codes, dim)` floats.
        codes: `(..., levels)` integers.

    Returns:
        `(..., levels, dim)`.
    """
    levels, count, width = codebooks.shape
    flat = ops.reshape(codebooks, (levels * count, width))
    return ops.take(flat, ops.cast(codes, "int32") + count * ops.arange(levels), axis=0)


def codeword_sum(tables: Tensor, codes: Tensor) -> Tensor:
    """Sum over the levels of the codewords in the table of each request.

    Args:
        tables: `(batch, levels, codes, dim)` floats, such as personalised codebooks.
        codes: `(batch, candidates, levels)` integers.

    Returns:
        `(batch, candidates, dim)`: `levels` rows read and added for a candidate.
    """
    levels, count, width = tables.shape[1:]
    flat = ops.reshape(tables, (-1, width))
    first = ops.expand_dims(ops.arange(ops.shape(tables)[0]) * (levels * count), 1)
    codes = ops.cast(codes, "int32")
    # A level at a time: nothing of size candidates * levels * dim is made.
    rows = [
        ops.take(flat, codes[..., level] + (first + level * count), axis=0)
        for level in range(levels)
    ]
    return sum(rows[1:], rows[0])
