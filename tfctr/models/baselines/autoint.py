"""AutoInt: fields that attend to each other, beside an MLP."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.layers import APG, MLP, AdaptiveMLP, FieldAttention, PooledEmbeddings
from tfctr.layers.embedding.pooled import joined
from tfctr.models.base import RankingModel
from tfctr.models.towers import conditions_of, make_output, make_tower
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["AutoInt"]


@serializable
class AutoInt(RankingModel):
    """`logit = w . [attention(e), mlp(x)]` on the same embeddings.

    Args:
        schema: The schema, with sizes.
        dim: Width of the embeddings.
        num_attention_layers: Number of attention layers, one on top of the other.
        num_heads: Number of heads of each.
        head_dim: Width of each head.
        hidden_units: Widths of the MLP. Without any there is no MLP (`mlp` is `None`):
            the paper's AutoInt instead of its AutoInt+.
        dropout: Dropout in the MLP.
        apg: Settings that make the MLP adaptive, `APG` or its dict: see
            `tfctr.layers.APG`. Static by default.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Song et al., AutoInt: Automatic Feature Interaction Learning via
    Self-Attentive Neural Networks, CIKM 2019. Deviation: no dropout in the attention.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        num_attention_layers: int = 3,
        num_heads: int = 2,
        head_dim: int = 16,
        hidden_units: Sequence[int] = (256, 128, 64),
        dropout: float = 0.0,
        apg: APG | Mapping[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        if num_attention_layers < 1:
            raise InputError(
                "num_attention_layers",
                received=num_attention_layers,
                expected="a positive number",
            )
        self.dim = dim
        self.num_attention_layers = num_attention_layers
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        self.apg = APG.of(apg)
        self.embeddings = PooledEmbeddings(
            self.schema, dim, seed=seed, dtype=self.dtype_policy, name="embeddings"
        )
        self.attentions = [self._attention(k) for k in range(num_attention_layers)]
        self.mlp = self._tower()
        self.output_layer = make_output(self)

    def embed(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        return self.embeddings.sides(inputs, "fields")

    def interact(
        self, embedded: Mapping[str, Tensor], training: bool = False
    ) -> Tensor:
        fields = attended = joined(embedded, "fields")
        for attention in self.attentions:
            attended = attention(attended)
        width = fields.shape[1] * self.num_heads * self.head_dim
        parts = [ops.reshape(attended, (-1, width))]
        if self.mlp is not None:
            flat = ops.reshape(fields, (-1, fields.shape[1] * self.dim))
            conditions = conditions_of(self.apg, self.embeddings.fields(), fields)
            parts.append(self.mlp(flat, **conditions, training=training))
        return self.output_layer(ops.concatenate(parts, axis=-1))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "num_attention_layers": self.num_attention_layers,
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "apg": self.apg and self.apg.to_dict(),
        }

    def _attention(self, place: int) -> FieldAttention:
        return FieldAttention(
            num_heads=self.num_heads,
            head_dim=self.head_dim,
            seed=self.seed + place,
            dtype=self.dtype_policy,
            name=f"attention_{place}",
        )

    def _tower(self) -> MLP | AdaptiveMLP | None:
        if not self.hidden_units and self.apg is None:
            return None
        return make_tower(self, self.embeddings.fields())
