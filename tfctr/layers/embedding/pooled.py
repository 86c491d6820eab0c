"""Embeddings with histories averaged to one vector a field."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.layers.embedding.collection import EmbeddingCollection
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["PooledEmbeddings"]


@serializable
class PooledEmbeddings(EmbeddingCollection):
    """An `EmbeddingCollection` in which a history counts as the mean of its events.

    Args:
        *args: As for `EmbeddingCollection`.
        **kwargs: As for `EmbeddingCollection`.

    Call arguments:
        inputs: Encoded tensors by name, with any leading dimensions.

    Returns:
        Dict of `(..., dim)` by field name; an empty history gives zeros.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sequence_of = {
            column.name: column.sequence.name
            for column in self._columns
            if column.sequence is not None
        }

    def call(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        fields = super().call(inputs)
        for name, sequence in self._sequence_of.items():
            if name in fields:
                fields[name] = masked_mean(fields[name], self.mask(sequence, inputs))
        return fields

    def compute_output_shape(self, input_shape: Mapping[str, Any]) -> dict[str, Any]:
        shapes = super().compute_output_shape(input_shape)
        for name in self._sequence_of:
            if name in shapes:
                shapes[name] = (*shapes[name][:-2], shapes[name][-1])
        return shapes


def masked_mean(events: Tensor, events_mask: Tensor) -> Tensor:
    """Mean of `(..., time, dim)` over real events; zeros where there are none."""
    real = ops.cast(ops.expand_dims(events_mask, -1), events.dtype)
    return ops.sum(events * real, axis=-2) / ops.maximum(ops.sum(real, axis=-2), 1)
