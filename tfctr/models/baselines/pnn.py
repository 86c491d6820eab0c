"""PNN: an MLP that sees the products of all pairs of fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import APG, InnerProducts, PooledEmbeddings
from tfctr.layers.embedding.pooled import joined
from tfctr.models.base import RankingModel
from tfctr.models.towers import conditions_of, make_output, make_tower
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["PNN"]


@serializable
class PNN(RankingModel):
    """`logit = w . mlp([x, p])`: embeddings `x`, and dot products `p` of their pairs.

    Args:
        schema: The schema, with sizes.
        dim: Width of the embeddings.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        apg: Settings that make the MLP adaptive, `APG` or its dict: see
            `tfctr.layers.APG`. Static by default.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Qu et al., Product-based Neural Networks for User Response Prediction, ICDM
    2016, the inner product variant (IPNN). Deviation: each pair counts once and no
    field meets itself, so that the weights of the products need no low rank.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        hidden_units: Sequence[int] = (256, 128, 64),
        dropout: float = 0.0,
        apg: APG | Mapping[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.dim = dim
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        self.apg = APG.of(apg)
        policy = self.dtype_policy
        self.embeddings = PooledEmbeddings(
            self.schema, dim, seed=seed, dtype=policy, name="embeddings"
        )
        self.inner_products = InnerProducts(dtype=policy, name="inner_products")
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
        hidden = ops.concatenate([flat, self.inner_products(fields)], axis=-1)
        conditions = conditions_of(self.apg, self.embeddings.fields(), fields)
        return self.output_layer(self.mlp(hidden, **conditions, training=training))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "apg": self.apg and self.apg.to_dict(),
        }
