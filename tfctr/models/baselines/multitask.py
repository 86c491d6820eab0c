"""What models with a tower for each label have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import PooledEmbeddings, TaskTowers
from tfctr.layers.embedding.pooled import joined
from tfctr.models.base import RankingModel
from tfctr.types import Tensor

__all__ = ["MultiTaskModel"]


class MultiTaskModel(RankingModel):
    """Embeddings, what tasks share, and a tower for each label.

    A subclass writes `shared`: all embeddings side by side, `(batch, width)`, to what
    the towers take.

    Args:
        schema: The schema, with sizes. Each label is a task.
        dim: Width of the embeddings.
        hidden_units: Widths of each task's tower; none for a logit of what it takes.
        dropout: Share of units dropped after each layer in training.
        seed: Seed of the initial values; a task's start from its label's name.
        **kwargs: `two_logits`, `name` and `dtype`, as for `RankingModel`.

    Returns:
        Dict label -> float32 logits `(batch,)`.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        hidden_units: Sequence[int] = (64,),
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.dim, self.hidden_units = dim, list(hidden_units)
        self.dropout = dropout
        policy = self.dtype_policy
        self.embeddings = PooledEmbeddings(
            self.schema, dim, seed=seed, dtype=policy, name="embeddings"
        )
        self.towers = TaskTowers(
            self.label_names,
            outputs=self.heads.several,
            hidden_units=hidden_units,
            dropout=dropout,
            seed=seed,
            dtype=policy,
            name="towers",
        )

    def shared(self, flat: Tensor, training: bool = False) -> Tensor:
        """What the towers take: `(batch, width)`, or `(batch, tasks, width)`."""
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def embed(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        return self.embeddings.sides(inputs, "fields")

    def interact(
        self, embedded: Mapping[str, Tensor], training: bool = False
    ) -> Tensor:
        fields = joined(embedded, "fields")
        flat = ops.reshape(fields, (-1, fields.shape[1] * self.dim))
        return self.towers(self.shared(flat, training=training), training=training)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
        }
