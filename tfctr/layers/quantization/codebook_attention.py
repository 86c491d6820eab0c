"""Codebooks as one user's history sees them (TARQ)."""

from keras import ops

from tfctr.errors import InputError
from tfctr.layers.sequence.event_attention import EventAttention
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["CodebookAttention"]


@serializable
class CodebookAttention(EventAttention):
    """`MHA(C, events, events)`: every codeword attends to the history once.

    The result is a table for each user, the personalised codebooks: what attention
    gives to a candidate becomes a look-up by the candidate's codes
    (`codeword_sum`), whose cost does not depend on the history. Softmax attention is
    not additive, so for more than one level this is not the attention of the quantized
    candidate; the distillation of TARQ closes the gap.

    Args:
        dim: Width of the result, over all heads.
        num_heads: Number of heads; divides `dim`.
        kernel: `softmax`, or `linear`, for which the sum of the levels is exact.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        codebooks: `(levels, codes, code_dim)` floats, the same for all users; or
            `(batch, levels, codes, code_dim)`.
        events: `(batch, time, event_dim)` floats.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, levels, codes, dim)` in the compute dtype.

    >>> attention, events = CodebookAttention(8, num_heads=2), ops.ones((2, 5, 3))
    >>> tuple(attention(ops.ones((3, 4, 6)), events).shape)
    (2, 3, 4, 8)

    Source: TARQ, arXiv 2509.16931; see docs/methods/tarq.md.
    """

    def build(self, codebooks_shape: Shape, events_shape: Shape) -> None:
        if len(codebooks_shape) not in (3, 4):
            raise InputError(
                "codebooks",
                received=f"shape {tuple(codebooks_shape)}",
                expected="(levels, codes, dim), or a batch of them",
            )
        super().build(codebooks_shape, events_shape)

    def call(
        self, codebooks: Tensor, events: Tensor, events_mask: Tensor | None = None
    ) -> Tensor:
        levels, codes, width = codebooks.shape[-3:]
        queries = ops.reshape(codebooks, (-1, levels * codes, width))
        attended = self.attend(queries, events, events_mask)
        return ops.reshape(attended, (-1, levels, codes, self.dim))

    def compute_output_shape(
        self, codebooks_shape: Shape, events_shape: Shape
    ) -> Shape:
        return (events_shape[0], *codebooks_shape[-3:-1], self.dim)
