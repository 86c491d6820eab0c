"""DCN-V2: a cross network beside an MLP."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import APG, CrossNetwork, PooledEmbeddings
from tfctr.layers.embedding.pooled import joined
from tfctr.models.base import RankingModel
from tfctr.models.towers import conditions_of, make_output, make_tower
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["DCNv2"]


@serializable
class DCNv2(RankingModel):
    """`logit = w . [cross(x), mlp(x)]` on the concatenated embeddings `x`.

    Args:
        schema: The schema, with sizes.
        dim: Width of the embeddings.
        num_cross_layers: Number of cross layers.
        rank: Rank of the cross matrices; full by default.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        apg: Settings that make the MLP adaptive, `APG` or its dict: see
            `tfctr.layers.APG`. Static by default.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Wang et al., DCN V2, WWW 2021, parallel structure (section 3.4).
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        num_cross_layers: int = 3,
        rank: int | None = None,
        hidden_units: Sequence[int] = (256, 128, 64),
        dropout: float = 0.0,
        apg: APG | Mapping[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.dim = dim
        self.num_cross_layers = num_cross_layers
        self.rank = rank
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        self.apg = APG.of(apg)
        policy = self.dtype_policy
        self.embeddings = PooledEmbeddings(
            self.schema, dim, seed=seed, dtype=policy, name="embeddings"
        )
        self.cross_network = CrossNetwork(
            num_cross_layers, rank=rank, seed=seed, dtype=policy, name="cross_network"
        )
        self.mlp = make_tower(self, self.embeddings.fields())
        self.output_layer = make_output(self)

    def embed(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        return self.embeddings.sides(inputs, "fields")

    def interact(
        self, embedded: Mapping[str, Tensor], training: bool = False
    ) -> Tensor:
        fields = joined(embedded, "fields")
        flat = ops.reshape(fields, (-1, fields.shape[1] * self.dim))
        crossed = self.cross_network(flat)
        conditions = conditions_of(self.apg, self.embeddings.fields(), fields)
        deep = self.mlp(flat, **conditions, training=training)
        return self.output_layer(ops.concatenate([crossed, deep], axis=-1))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "num_cross_layers": self.num_cross_layers,
            "rank": self.rank,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "apg": self.apg and self.apg.to_dict(),
        }
