"""Losses that make look-ups of codewords follow a teacher's attention (TARQ)."""

from keras import ops

from tfctr.types import Tensor

__all__ = ["codebook_alignment_loss", "interest_distillation_loss"]


def codebook_alignment_loss(
    latents: Tensor,
    teacher: Tensor,
    codebooks: Tensor,
    attended: Tensor,
    *,
    temperature: float = 1.0,
    eps: float = 1e-8,
) -> Tensor:
    """How unlike the codes of an item are before and after the attention.

    Level by level, with `v = z` and `w = sg(h_teacher)` at first:
    `P = softmax_k(-||v - C_k||^2 / T)`, `Q = softmax_k(-||w - A_k||^2 / T)`, the loss
    grows by `KL(P || Q) + KL(Q || P)`; then `k* = argmin_k ||v - C_k||^2`,
    `v <- v - C_(k*)` and `w <- w - A_(k*)` with the same code. `KL(P || Q) =
    sum_k P log(P / (Q + eps) + eps)`, which at its optimum is slightly negative. No
    gradient reaches the teacher; both distributions, and what is subtracted, have one.

    Args:
        latents: `(batch, ..., code_dim)` latents of the items, `z`.
        teacher: `(batch, ..., dim)` what the teacher's attention gives to them.
        codebooks: `(levels, codes, code_dim)`, `C`.
        attended: `(batch, levels, codes, dim)` personalised codebooks, `A`.
        temperature: `T`.
        eps: Added inside the ratio and inside the logarithm.

    Returns:
        `(batch, ...)` float32: of each item, the sum over the levels.

    Source: the code of the authors of TARQ, arXiv 2509.16931.

    >>> ones = ops.ones((2, 3))
    >>> codes = ops.reshape(ops.arange(12, dtype="float32"), (1, 4, 3))
    >>> loss = codebook_alignment_loss(ones, ones, codes, ops.stack([codes, codes]))
    >>> bool(ops.max(ops.abs(loss)) < 1e-5)
    True
    """
    rest, other = (ops.cast(x, "float32") for x in (latents, teacher))
    codebooks, attended = (ops.cast(x, "float32") for x in (codebooks, attended))
    outer, batch = ops.shape(rest)[:-1], ops.shape(attended)[0]
    count = codebooks.shape[1]
    rest = ops.reshape(rest, (batch, -1, codebooks.shape[-1]))
    other = ops.reshape(ops.stop_gradient(other), (batch, -1, attended.shape[-1]))
    total = 0.0
    for level in range(codebooks.shape[0]):
        book, table = codebooks[level], attended[:, level]
        distances = _distances(rest, book)  # (batch, items, codes)
        own = ops.softmax(-distances / temperature, axis=-1)
        asked = ops.softmax(-_distances(other, table) / temperature, axis=-1)
        total += _divergence(own, asked, eps) + _divergence(asked, own, eps)
        code = ops.cast(ops.argmin(distances, axis=-1), "int32")
        first = ops.expand_dims(ops.arange(batch) * count, 1)
        flat = ops.reshape(table, (-1, table.shape[-1]))
        rest = rest - ops.take(book, code, axis=0)
        other = other - ops.take(flat, first + code, axis=0)
    return ops.reshape(total, outer)


def interest_distillation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """`||student - sg(teacher)||^2 / 2`, a sum over features.

    Args:
        student: `(..., dim)` sums of attended codewords.
        teacher: `(..., dim)` what the teacher's attention gives.

    Returns:
        `(...,)` float32. Its mean over items is the authors' `recon`.

    Source: the code of the authors of TARQ, arXiv 2509.16931.
    """
    difference = ops.cast(student, "float32") - ops.stop_gradient(
        ops.cast(teacher, "float32")
    )
    return ops.sum(ops.square(difference), axis=-1) / 2


def _distances(rows: Tensor, codewords: Tensor) -> Tensor:
    """Squared distances `(..., rows, codes)`."""
    products = ops.matmul(rows, ops.swapaxes(codewords, -1, -2))
    squares = ops.sum(ops.square(codewords), axis=-1)
    squares = ops.expand_dims(squares, -2)
    return ops.sum(ops.square(rows), axis=-1, keepdims=True) - 2 * products + squares


def _divergence(first: Tensor, second: Tensor, eps: float) -> Tensor:
    return ops.sum(first * ops.log(first / (second + eps) + eps), axis=-1)
