"""DeepFM: a factorisation machine and an MLP on the same embeddings."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import APG, FactorizationMachine
from tfctr.layers.embedding.pooled import joined
from tfctr.models.base import RankingModel
from tfctr.models.baselines.first_order import embeddings_with_weights
from tfctr.models.towers import conditions_of, make_output, make_tower
from tfctr.saving import serializable
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
        apg: Settings that make the MLP adaptive, `APG` or its dict: see
            `tfctr.layers.APG`. Static by default.
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
        self.factorization_machine = FactorizationMachine(
            dtype=policy, name="factorization_machine"
        )
        self.mlp = make_tower(self, self.embeddings.fields())
        self.output_layer = make_output(self)

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        table = self.embeddings.table if self.embeddings.built else None
        places = self.embeddings.places(inputs)
        if table is None or places is None:
            found: dict[str, Tensor] = super().call(inputs, training=training)
            return found
        # Rows that are read by the factorisation machine need not be written first.
        parts = self.factorization_machine.table_parts(table, places, self.dim)
        return self._by_label(self._logits(*parts, training))

    def embed(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        return self.embeddings.sides(inputs, "fields")

    def interact(
        self, embedded: Mapping[str, Tensor], training: bool = False
    ) -> Tensor:
        rows = joined(embedded, "fields")
        parts = self.factorization_machine.parts(rows, self.dim)
        return self._logits(*parts, training)

    def _logits(
        self, flat: Tensor, linear: Tensor, pairs: Tensor, training: bool
    ) -> Tensor:
        fields = ops.reshape(flat, (-1, flat.shape[1] // self.dim, self.dim))
        conditions = conditions_of(self.apg, self.embeddings.fields(), fields)
        hidden = self.mlp(flat, **conditions, training=training)
        return linear + pairs + self.output_layer(hidden)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "apg": self.apg and self.apg.to_dict(),
        }
