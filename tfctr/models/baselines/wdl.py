"""Wide & Deep: a linear model beside an MLP."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import APG
from tfctr.layers.embedding.pooled import joined
from tfctr.models.base import RankingModel
from tfctr.models.baselines.first_order import (
    embeddings_with_weights,
    fields_and_linear,
)
from tfctr.models.towers import conditions_of, make_output, make_tower
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["WDL"]


@serializable
class WDL(RankingModel):
    """`logit = wide + deep`: weights that memorise, and an MLP that generalises.

    The wide part has one weight for each feature value. A cross that it is to memorise
    is a feature of its own: declare the crossed column in the schema.

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

    Source: Cheng et al., Wide & Deep Learning for Recommender Systems, DLRS 2016,
    equation (3). Deviations: no cross-product transformations made by the model, one
    optimizer for both parts, and numbers scale a trained vector. With several labels
    each has its own wide part; embeddings and MLP are shared.
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
        self.embeddings = embeddings_with_weights(
            self.schema, dim, outputs=self.heads.total, seed=seed, dtype=policy
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
        fields, wide = fields_and_linear(joined(embedded, "fields"), self.dim)
        flat = ops.reshape(fields, (-1, fields.shape[1] * self.dim))
        conditions = conditions_of(self.apg, self.embeddings.fields(), fields)
        return wide + self.output_layer(self.mlp(flat, **conditions, training=training))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "apg": self.apg and self.apg.to_dict(),
        }
