"""Two towers whose vectors are compared by their cosine."""

from typing import ClassVar

from keras import ops

from tfctr.models.baselines.vectors import VectorModel
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["TwoTower"]


@serializable
class TwoTower(VectorModel):
    """`logit = a * cos(user, item) + b`, with trained `a` and `b` for each label.

    Items never meet the user before the cosine, so their vectors are computed
    offline and a request costs one product a candidate. `a` is the inverse of the
    temperature of the in-batch softmax.

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

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Huang et al., DSSM, CIKM 2013; trained pointwise. The in-batch softmax: Yi
    et al., Sampling-Bias-Corrected Neural Modeling, RecSys 2019.
    """

    first_scale: ClassVar[float] = 5.0

    def encode_side(self, side: str, fields: Tensor, training: bool) -> Tensor:
        vector = super().encode_side(side, fields, training)
        return ops.normalize(vector, axis=-1)
