"""FiBiNET: bilinear products of fields, as they are and as they matter."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import APG, BilinearInteraction, SqueezeExcitation
from tfctr.layers.embedding.pooled import joined
from tfctr.models.base import RankingModel
from tfctr.models.baselines.first_order import (
    embeddings_with_weights,
    fields_and_linear,
)
from tfctr.models.towers import conditions_of, make_output, make_tower
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["FiBiNET"]


@serializable
class FiBiNET(RankingModel):
    """`logit = linear + w . mlp([p, q])`: bilinear products of all pairs of fields.

    `p` are the products of the embeddings, `q` those of the embeddings weighed by a
    squeeze-and-excitation layer.

    Args:
        schema: The schema, with sizes.
        dim: Width of the embeddings.
        reduction_ratio: How many times fewer units than fields the squeeze has.
        bilinear_type: `"all"`: one matrix; `"each"`: one for each field;
            `"interaction"`: one for each pair of fields.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        apg: Settings that make the MLP adaptive, `APG` or its dict: see
            `tfctr.layers.APG`. Static by default.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Huang et al., FiBiNET: Combining Feature Importance and Bilinear feature
    Interaction for Click-Through Rate Prediction, RecSys 2019, the deep model. With
    several labels each has its own linear part; the rest is shared.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        reduction_ratio: int = 3,
        bilinear_type: str = "each",
        hidden_units: Sequence[int] = (256, 128, 64),
        dropout: float = 0.0,
        apg: APG | Mapping[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.dim = dim
        self.reduction_ratio = reduction_ratio
        self.bilinear_type = bilinear_type
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        self.apg = APG.of(apg)
        policy = self.dtype_policy
        self.embeddings = embeddings_with_weights(
            self.schema, dim, outputs=self.heads.total, seed=seed, dtype=policy
        )
        self.squeeze_excitation = SqueezeExcitation(
            reduction_ratio=reduction_ratio,
            seed=seed,
            dtype=policy,
            name="squeeze_excitation",
        )
        self.bilinear = self._bilinear("bilinear", seed)
        self.weighted_bilinear = self._bilinear("weighted_bilinear", seed + 1)
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
        weighted = self.squeeze_excitation(fields)
        products = ops.concatenate(
            [self.bilinear(fields), self.weighted_bilinear(weighted)], axis=1
        )
        flat = ops.reshape(products, (-1, products.shape[1] * self.dim))
        conditions = conditions_of(self.apg, self.embeddings.fields(), fields)
        hidden = self.mlp(flat, **conditions, training=training)
        return linear + self.output_layer(hidden)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "reduction_ratio": self.reduction_ratio,
            "bilinear_type": self.bilinear_type,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "apg": self.apg and self.apg.to_dict(),
        }

    def _bilinear(self, name: str, seed: int) -> BilinearInteraction:
        return BilinearInteraction(
            bilinear_type=self.bilinear_type,
            seed=seed,
            dtype=self.dtype_policy,
            name=name,
        )
