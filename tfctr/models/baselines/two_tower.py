"""Two towers whose vectors are compared by their cosine."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import MLP, PooledEmbeddings
from tfctr.models.pre_ranking import PreRankingModel
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["TwoTower"]


@serializable
class TwoTower(PreRankingModel):
    """`logit = a * cos(user, item) + b`, with trained `a` and `b` for each label.

    Items never meet the user before the cosine, so their vectors are computed
    offline and a request costs one product a candidate.

    Args:
        schema: The schema, with sizes.
        dim: Width of the embeddings.
        vector_dim: Width of the two vectors.
        hidden_units: Widths of the hidden layers of both towers.
        dropout: Dropout in the towers.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Huang et al., DSSM, CIKM 2013; trained pointwise.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        vector_dim: int = 32,
        hidden_units: Sequence[int] = (64,),
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.dim = dim
        self.vector_dim = vector_dim
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        policy, num_labels = self.dtype_policy, len(self.schema.labels)
        self.embeddings = PooledEmbeddings(
            self.schema, dim, seed=seed, dtype=policy, name="embeddings"
        )
        self.user_tower, self.item_tower = (
            MLP(
                [*self.hidden_units, vector_dim],
                final_activation="linear",
                dropout=dropout,
                seed=seed + place,
                dtype=policy,
                name=name,
            )
            for place, name in enumerate(("user_tower", "item_tower"))
        )
        self.scale = self.add_weight(
            name="scale",
            shape=(num_labels,),
            initializer=keras.initializers.Constant(5.0),
        )
        self.bias = self.add_weight(
            name="bias", shape=(num_labels,), initializer="zeros"
        )

    def embed(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        vectors = {}
        for side, tower, roles in (
            ("user", self.user_tower, ("user", "context", "sequence")),
            ("item", self.item_tower, ("item",)),
        ):
            names = self.embeddings.fields(roles)
            if all(name in inputs for name in names):
                fields = self.embeddings({name: inputs[name] for name in names})
                flat = ops.reshape(fields, (*ops.shape(fields)[:-2], -1))
                vector = ops.cast(tower(flat, training=training), "float32")
                vectors[side] = ops.normalize(vector, axis=-1)
        return vectors

    def interact(
        self, embedded: Mapping[str, Tensor], training: bool = False
    ) -> Tensor:
        cosine = ops.sum(embedded["user"] * embedded["item"], axis=-1, keepdims=True)
        return self._logits(cosine)

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        vectors = self.embed(items, training=training)["item"]
        return self.score_stored(state, {"vector": vectors})

    def encode_items(self, items: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"vector": self.embed(items)["item"]}

    def score_stored(
        self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        user = ops.expand_dims(state["user"], -1)
        return self._by_label(self._logits(ops.matmul(stored["vector"], user)))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "vector_dim": self.vector_dim,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
        }

    def _logits(self, cosine: Tensor) -> Tensor:
        scale, bias = ops.cast(self.scale, "float32"), ops.cast(self.bias, "float32")
        return cosine * scale + bias
