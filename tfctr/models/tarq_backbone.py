"""The two towers of TARQ, and the history that both attentions read."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from tfctr.layers import MLP
from tfctr.layers.embedding.collection import EmbeddingCollection
from tfctr.layers.sequence.event_attention import EventAttention
from tfctr.seeds import glorot
from tfctr.types import Tensor

__all__ = ["TARQBackbone", "TARQUser"]


class TARQUser(NamedTuple):
    """What depends on user, context and history.

    Attributes:
        fields: `(batch, width)` embedded fields side by side.
        events: `(batch, time, dim)` events of all sequences.
        mask: `(batch, time)` booleans, `True` where an event is real.
        history: `(batch, time, dim)` events after self-attention.
        vector: `(batch, vector_dim)` float32 unit vectors.
    """

    fields: Tensor
    events: Tensor
    mask: Tensor
    history: Tensor
    vector: Tensor


class TARQBackbone(keras.layers.Layer):
    """Vectors of users and items whose cosine is the base score.

    `H = X + MHA(X, X, X)`, `h = MHA(user, H, H)`, `v_user = unit(MLP([user, h]))` and
    `v_item = unit(MLP(item))`.

    Args:
        embeddings: The embeddings of the model, which owns them.
        attention_dim: Width of the events.
        num_heads: Number of heads.
        units: Widths of both towers; the last is that of the vectors.
        dropout: Dropout in the towers.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        embeddings: EmbeddingCollection,
        *,
        attention_dim: int,
        num_heads: int,
        units: Sequence[int],
        dropout: float,
        seed: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Past Keras' tracking: these are a part of the model.
        object.__setattr__(self, "_embeddings", embeddings)
        policy = self.dtype_policy
        self.projections = {
            sequence.name: keras.layers.Dense(
                attention_dim,
                kernel_initializer=glorot(seed, f"{sequence.name}_projection"),
                dtype=policy,
                name=f"{sequence.name}_projection",
            )
            for sequence in embeddings.schema.sequences
        }
        attention: dict[str, Any] = {"num_heads": num_heads, "dtype": policy}
        self.self_attention, self.user_attention = (
            EventAttention(attention_dim, seed=seed + place, name=name, **attention)
            for place, name in enumerate(("self_attention", "user_attention"))
        )
        options: dict[str, Any] = {"final_activation": "linear", "dropout": dropout}
        self.user_tower, self.item_tower = (
            MLP(units, seed=seed + place, dtype=policy, name=name, **options)
            for place, name in enumerate(("user_tower", "item_tower"))
        )

    def user(self, known: Mapping[str, Tensor], training: bool = False) -> TARQUser:
        """Encodes the user's side.

        Args:
            known: Encoded columns of user, context and histories.
            training: Whether dropout is on.
        """
        schema = self._embeddings.schema
        fields, by_name = self._embeddings.stacked(known)
        flat = ops.reshape(fields, (-1, fields.shape[-2] * fields.shape[-1]))
        parts, masks = [], []
        for sequence in schema.sequences:
            own = [
                by_name[column.name]
                for column in schema.encoded_columns(["sequence"])
                if column.sequence is sequence and column.name in by_name
            ]
            joined = ops.concatenate(own, axis=-1)
            parts.append(self.projections[sequence.name](joined))
            masks.append(self._embeddings.mask(sequence.name, known))
        events, mask = ops.concatenate(parts, axis=1), ops.concatenate(masks, axis=1)
        history = events + self.self_attention(events, events, events_mask=mask)
        asked = ops.expand_dims(flat, 1)
        pooled = self.user_attention(asked, history, events_mask=mask)[:, 0]
        both = ops.concatenate([flat, pooled], axis=-1)
        vector = _unit(self.user_tower(both, training=training))
        return TARQUser(flat, events, mask, history, vector)

    def item(self, rows: Tensor, training: bool = False) -> Tensor:
        """float32 unit vectors `(..., vector_dim)` of items.

        Args:
            rows: `(..., width)` embedded fields side by side.
            training: Whether dropout is on.
        """
        return _unit(self.item_tower(rows, training=training))


def _unit(vectors: Tensor) -> Tensor:
    return ops.normalize(ops.cast(vectors, "float32"), axis=-1)
