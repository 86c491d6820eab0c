"""DeepFM: a factorisation machine and an MLP on the same embeddings."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tfctr.features import FeatureSchema
from tfctr.layers import MLP, FactorizationMachine, PooledEmbeddings
from tfctr.layers.embedding.pooled import joined
from tfctr.models.base import RankingModel
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Tensor

__all__ = ["DeepFM"]


@serializable
class DeepFM(RankingModel):
    """`logit = linear + FM + MLP`, the last two on shared embeddings.

    Args:
        schema: The schema, with sizes.
        dim: Width of the embeddings.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Guo et al., DeepFM, IJCAI 2017, equations (1) to (4). With several labels
    each has its own linear part; embeddings, FM and MLP are shared.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        hidden_units: Sequence[int] = (256, 128, 64),
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.dim = dim
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        policy, num_labels = self.dtype_policy, len(self.schema.labels)
        # Vector and linear weights of a value lie in one row: one read, one update.
        self.embeddings = PooledEmbeddings(
            self.schema,
            dim + num_labels,
            stddev=[0.05] * dim + [0.001] * num_labels,
            seed=seed,
            dtype=policy,
            name="embeddings",
        )
        self.factorization_machine = FactorizationMachine(
            dtype=policy, name="factorization_machine"
        )
        self.mlp = MLP(
            self.hidden_units, dropout=dropout, seed=seed, dtype=policy, name="mlp"
        )
        self.output_layer = keras.layers.Dense(
            num_labels,
            kernel_initializer=glorot(seed, "output"),
            dtype="float32",
            name="output",
        )

    def embed(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        return self.embeddings.sides(inputs, "fields")

    def interact(
        self, embedded: Mapping[str, Tensor], training: bool = False
    ) -> Tensor:
        rows = joined(embedded, "fields")
        flat, linear, pairs = self.factorization_machine.parts(rows, self.dim)
        deep = self.output_layer(self.mlp(flat, training=training))
        return linear + pairs + deep

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
        }
