"""Logistic regression on one weight for each feature value."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import PooledEmbeddings
from tfctr.layers.embedding.pooled import joined
from tfctr.models.base import RankingModel
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["LogisticRegression"]


@serializable
class LogisticRegression(RankingModel):
    """`logit = b + sum_f w_f[x_f]`; histories and lists count as their mean.

    Args:
        schema: The schema, with sizes.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.
    """

    def __init__(
        self, schema: FeatureSchema | Mapping[str, Any], *, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.value_weights = PooledEmbeddings(
            self.schema,
            self.heads.total,
            stddev=0.001,
            seed=seed,
            dtype=self.dtype_policy,
            name="value_weights",
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.heads.total,), initializer="zeros"
        )

    def embed(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        return self.value_weights.sides(inputs, "weights")

    def interact(
        self, embedded: Mapping[str, Tensor], training: bool = False
    ) -> Tensor:
        weights = ops.cast(joined(embedded, "weights"), "float32")
        total = ops.sum(weights, axis=1)
        return total + ops.cast(self.bias, "float32")
