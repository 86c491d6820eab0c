"""xDeepFM: a compressed interaction network beside an MLP."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import APG, CompressedInteraction
from tfctr.layers.embedding.pooled import joined
from tfctr.models.base import RankingModel
from tfctr.models.baselines.first_order import (
    embeddings_with_weights,
    fields_and_linear,
)
from tfctr.models.towers import conditions_of, make_output, make_tower
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["xDeepFM"]


@serializable
class xDeepFM(RankingModel):
    """`logit = linear + w . [CIN(e), mlp(x)]`, all on the same embeddings.

    Args:
        schema: The schema, with sizes.
        dim: Width of the embeddings.
        num_feature_maps: Number of feature maps of each layer of the CIN.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        apg: Settings that make the MLP adaptive, `APG` or its dict: see
            `tfctr.layers.APG`. Static by default.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Lian et al., xDeepFM: Combining Explicit and Implicit Feature Interactions
    for Recommender Systems, KDD 2018, sections 3.2 and 3.3. Deviation: fewer feature
    maps by default. With several labels each has its own linear part; the rest is
    shared.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        num_feature_maps: Sequence[int] = (64, 64),
        hidden_units: Sequence[int] = (256, 128, 64),
        dropout: float = 0.0,
        apg: APG | Mapping[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.dim = dim
        self.num_feature_maps = list(num_feature_maps)
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        self.apg = APG.of(apg)
        policy = self.dtype_policy
        self.embeddings = embeddings_with_weights(
            self.schema, dim, outputs=self.heads.total, seed=seed, dtype=policy
        )
        self.compressed_interaction = CompressedInteraction(
            self.num_feature_maps,
            seed=seed,
            dtype=policy,
            name="compressed_interaction",
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
        fields, linear = fields_and_linear(joined(embedded, "fields"), self.dim)
        explicit = self.compressed_interaction(fields)
        flat = ops.reshape(fields, (-1, fields.shape[1] * self.dim))
        conditions = conditions_of(self.apg, self.embeddings.fields(), fields)
        deep = self.mlp(flat, **conditions, training=training)
        parts = ops.concatenate([explicit, deep], axis=-1)
        return linear + self.output_layer(parts)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "num_feature_maps": self.num_feature_maps,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "apg": self.apg and self.apg.to_dict(),
        }
