"""Vector and linear weights of a value in one row: one read, one update."""

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import PooledEmbeddings
from tfctr.types import Tensor

__all__ = ["embeddings_with_weights", "fields_and_linear"]


def embeddings_with_weights(
    schema: FeatureSchema, dim: int, *, outputs: int, seed: int, dtype: object
) -> PooledEmbeddings:
    """Embeddings whose last columns are the linear weights, one for each output.

    Args:
        schema: The schema, with sizes.
        dim: Width of the vectors.
        outputs: Number of outputs of the model.
        seed: Seed of the initial values.
        dtype: Dtype policy.
    """
    return PooledEmbeddings(
        schema,
        dim + outputs,
        stddev=[0.05] * dim + [0.001] * outputs,
        seed=seed,
        dtype=dtype,
        name="embeddings",
    )


def fields_and_linear(rows: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Takes the rows of `embeddings_with_weights` apart.

    Args:
        rows: `(batch, fields, dim + outputs)` floats.
        dim: Width of the vectors.

    Returns:
        The vectors `(batch, fields, dim)`, and the sums of the linear weights over the
        fields, `(batch, outputs)` in float32.
    """
    fields, weights = ops.split(rows, [dim], axis=-1)
    return fields, ops.sum(ops.cast(weights, "float32"), axis=1)
