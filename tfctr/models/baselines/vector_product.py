"""The product of a user's and an item's vector."""

from tfctr.models.baselines.vectors import VectorModel
from tfctr.saving import serializable

__all__ = ["VectorProduct"]


@serializable
class VectorProduct(VectorModel):
    """`logit = a * <user, item> + b`: unlike a cosine, long vectors count.

    An item's length can say how popular it is. Meant to be taught by a ranking model
    (`tfctr.models.Distillation`); it learns from labels alone too.

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

    Source: the "vector-product based deep model" of Wang et al., COLD, DLP-KDD 2020,
    section 2.
    """
