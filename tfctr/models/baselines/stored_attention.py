"""Exact target attention over stored items: the upper bound of the stage."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.layers import MLP, EmbeddingCollection
from tfctr.layers.sequence.event_attention import EventAttention
from tfctr.models.pre_ranking import PreRankingModel
from tfctr.models.request_form import split_roles
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Tensor

__all__ = ["StoredTargetAttention"]


@serializable
class StoredTargetAttention(PreRankingModel):
    """Each candidate attends to the whole history; only its embedding is stored.

    With the item's vector `i = W [item fields]` and the history
    `H = X + MHA(X, X, X)`: `h = MHA(i, H, H)` and
    `logit = MLP(relu(F [h, i, h * i] + G [user fields] + b))`. A candidate costs as
    much as the history is long. It shows what approximations of target attention can
    reach at best, and what they save.

    Args:
        schema: The schema, with sizes and at least one sequence.
        dim: Width of the embeddings.
        attention_dim: Width of events, attention and stored vectors.
        num_heads: Number of heads; divides `attention_dim`.
        hidden_units: Widths of the hidden layers of the head.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: the teacher of TARQ, arXiv 2509.16931 (docs/methods/tarq.md).
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        attention_dim: int = 32,
        num_heads: int = 4,
        hidden_units: Sequence[int] = (64,),
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        needed = {"sequences": self.schema.sequences, "hidden_units": hidden_units}
        for name, found in needed.items():
            if not found:
                raise InputError(name, received="none", expected="at least one")
        self.dim = dim
        self.attention_dim = attention_dim
        self.num_heads = num_heads
        self.hidden_units = list(hidden_units)
        options: dict[str, Any] = {"seed": seed, "dtype": self.dtype_policy}
        self.embeddings = EmbeddingCollection(
            self.schema, dim, name="embeddings", **options
        )
        self.item_projection = self._dense("item_projection", attention_dim)
        self.projections = {
            sequence.name: self._dense(f"{sequence.name}_projection", attention_dim)
            for sequence in self.schema.sequences
        }
        self.self_attention = self._attention("self_attention", seed)
        self.attention = self._attention("attention", seed + 1)
        # One layer in two parts, of which the user's is computed once a request.
        self.first_user = self._dense("first_user", self.hidden_units[0])
        self.first_pair = self._dense("first_pair", self.hidden_units[0], bias=False)
        self.mlp = MLP(
            [*self.hidden_units[1:], self.heads.total],
            final_activation="linear",
            name="mlp",
            **options,
        )

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        user, items = split_roles(self.schema, inputs)
        items = {name: ops.expand_dims(value, 1) for name, value in items.items()}
        scores = self.score(self.encode_user(user, training), items, training)
        return {name: logits[:, 0] for name, logits in scores.items()}

    def encode_user(
        self, user_inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        columns = self.schema.encoded_columns(["user", "context", "sequence"])
        known = {column.name: user_inputs[column.name] for column in columns}
        fields, by_name = self.embeddings.stacked(known)
        flat = ops.reshape(fields, (-1, fields.shape[-2] * self.dim))
        parts, masks = [], []
        for sequence in self.schema.sequences:
            own = [
                by_name[column.name]
                for column in columns
                if column.sequence is sequence and column.name in by_name
            ]
            joined = ops.concatenate(own, axis=-1)
            parts.append(self.projections[sequence.name](joined))
            masks.append(self.embeddings.mask(sequence.name, known))
        events, mask = ops.concatenate(parts, axis=1), ops.concatenate(masks, axis=1)
        history = events + self.self_attention(events, events, events_mask=mask)
        return {"user": self.first_user(flat), "history": history, "mask": mask}

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        return self.score_stored(state, self.encode_items(items))

    def encode_items(self, items: Mapping[str, Tensor]) -> dict[str, Tensor]:
        fields, _ = self.embeddings.stacked(items)
        outer = ops.shape(fields)[:-2]
        flat = ops.reshape(fields, (*outer, fields.shape[-2] * self.dim))
        return {"vector": ops.cast(self.item_projection(flat), "float32")}

    def score_stored(
        self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        items = ops.cast(stored["vector"], self.compute_dtype)
        interests = self.attention(items, state["history"], events_mask=state["mask"])
        pairs = ops.concatenate([interests, items, interests * items], axis=-1)
        first = self.first_pair(pairs) + ops.expand_dims(state["user"], 1)
        return self._by_label(self.mlp(ops.relu(first)))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "attention_dim": self.attention_dim,
            "num_heads": self.num_heads,
            "hidden_units": self.hidden_units,
        }

    def _dense(self, name: str, units: int, *, bias: bool = True) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            use_bias=bias,
            kernel_initializer=glorot(self.seed, name),
            dtype=self.dtype_policy,
            name=name,
        )

    def _attention(self, name: str, seed: int) -> EventAttention:
        return EventAttention(
            self.attention_dim,
            num_heads=self.num_heads,
            seed=seed,
            dtype=self.dtype_policy,
            name=name,
        )
