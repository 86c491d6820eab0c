"""Two towers whose vectors are multiplied, the base of two models."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.features.columns import CANDIDATE_MASK
from tfctr.layers import MLP, ItemFrequencies
from tfctr.losses import in_batch_softmax
from tfctr.models.baselines.two_sides import TwoSides, flat
from tfctr.types import Tensor

__all__ = ["VectorModel"]


class VectorModel(TwoSides):
    """`logit = a * <user, item> + b`, with trained `a` and `b` for each label.

    Args:
        schema: The schema, with sizes.
        dim: Width of the embeddings.
        vector_dim: Width of the two vectors.
        hidden_units: Widths of the hidden layers of both towers.
        dropout: Dropout in the towers.
        in_batch_weight: Weight of the softmax over the items of the batch, about the
            first label; 0 leaves it out.
        log_q: Whether that softmax is corrected for how often an item is in a batch.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.
    """

    first_scale: ClassVar[float] = 1.0

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        vector_dim: int = 32,
        hidden_units: Sequence[int] = (64,),
        dropout: float = 0.0,
        in_batch_weight: float = 0.0,
        log_q: bool = False,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, dim=dim, seed=seed, **kwargs)
        if in_batch_weight < 0:
            raise InputError(
                "in_batch_weight", received=in_batch_weight, expected="0 or more"
            )
        self.vector_dim = vector_dim
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        self.in_batch_weight = in_batch_weight
        self.log_q = log_q
        self.user_tower = self._tower("user_tower", seed)
        self.item_tower = self._tower("item_tower", seed + 1)
        self.frequencies = (
            ItemFrequencies(self._num_item_ids(), name="frequencies") if log_q else None
        )
        shape = (self.heads.total,)
        scale = keras.initializers.Constant(self.first_scale)
        self.scale = self.add_weight(name="scale", shape=shape, initializer=scale)
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")

    def encode_side(self, side: str, fields: Tensor, training: bool) -> Tensor:
        tower = {"user": self.user_tower, "item": self.item_tower}[side]
        return ops.cast(tower(flat(fields), training=training), "float32")

    def compare(self, user: Tensor, item: Tensor) -> Tensor:
        return self._logits(ops.sum(user * item, axis=-1, keepdims=True))

    def score_stored(
        self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        # A product of matrices: nothing of size candidates * width is made.
        user = ops.expand_dims(state["user"], -1)
        return self._by_label(self._logits(ops.matmul(stored["vector"], user)))

    def retrieval_query(self, state: Mapping[str, Tensor]) -> Tensor:
        """`(batch, vector_dim)`: products with the stored vectors rank the items."""
        return state["user"] * ops.cast(self.scale[0], "float32")

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not (training and self.in_batch_weight):
            return loss
        return loss + self.in_batch_weight * self._in_batch(x, y, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vector_dim": self.vector_dim,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "in_batch_weight": self.in_batch_weight,
            "log_q": self.log_q,
        }

    def _logits(self, products: Tensor) -> Tensor:
        scale, bias = ops.cast(self.scale, "float32"), ops.cast(self.bias, "float32")
        return products * scale + bias

    def _tower(self, name: str, seed: int) -> MLP:
        return MLP(
            [*self.hidden_units, self.vector_dim],
            final_activation="linear",
            dropout=self.dropout,
            seed=seed,
            dtype=self.dtype_policy,
            name=name,
        )

    def _num_item_ids(self) -> int:
        feature: Any = self.schema.column(self.schema.item_id).feature
        return int(self.schema.sizes[feature.vocabulary])

    def _in_batch(self, x: Any, y: Any, sample_weight: Any) -> Tensor:
        """The softmax of each clicked item among all items of the batch."""
        label = self.label_names[0]
        x = self._unpacked(x)
        vectors = self.embed(x, training=True)
        ids = ops.reshape(x[self.schema.item_id], (-1,))
        items = ops.reshape(vectors["item"], (-1, self.vector_dim))
        weights = ops.cast(y[label], "float32")
        if sample_weight is not None:
            by_label = isinstance(sample_weight, Mapping)
            weights *= sample_weight[label] if by_label else sample_weight
        real = ops.reshape(x.get(CANDIDATE_MASK, ops.ones_like(y[label])), (-1,))
        scores = ops.matmul(self.retrieval_query(vectors), ops.transpose(items))
        log_q = None
        if self.frequencies is not None:
            log_q = self.frequencies(ids, real)
        return in_batch_softmax(scores, ids, weights, real, log_q=log_q)
