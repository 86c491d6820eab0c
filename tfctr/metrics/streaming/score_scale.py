"""A scale on which scores of any size fall into bins of fair width."""

import keras
from keras import ops

from tfctr.types import Tensor

__all__ = ["squash"]

# Logits of +-4 (probabilities of 2 % and 98 %) sit in the middle of each half.
LOGIT_OF_HALF_WAY = 4.0


def squash(logits: Tensor) -> Tensor:
    """Maps logits to (0, 1) in order, `1/2 + 1/2 * x / (4 + |x|)`.

    Click models predict a few per cent or less. Bins of equal width in probability
    put nearly all of their predictions into the first few bins; on this scale, with
    2,000 bins, a bin is 0.004 wide in logits at 0, 0.02 at 5 and 0.1 at 16.
    NaN stays NaN; infinite logits go to the ends.
    """
    half = LOGIT_OF_HALF_WAY
    # Rewritten so that an infinite logit gives 1, not inf / inf.
    size = 1.0 - half / (half + ops.abs(logits))
    return 0.5 + 0.5 * ops.where(logits < 0, -size, size)


def bin_index(logits: Tensor, num_bins: int) -> Tensor:
    """Bin of each logit on the squashed scale, int32 in [0, num_bins); NaN gives 0."""
    position = ops.where(ops.isnan(logits), 0.0, squash(logits))
    index = ops.cast(ops.floor(position * num_bins), "int32")
    return ops.clip(index, 0, num_bins - 1)


def invalid_count(metric: keras.metrics.Metric) -> keras.Variable:
    """Adds the variable that counts examples which make a result NaN."""
    return metric.add_variable(
        shape=(), initializer="zeros", dtype="float64", name="invalid"
    )


def count_invalid(*values: Tensor) -> Tensor:
    """How many examples hold a NaN in any of `values`."""
    wrong = ops.isnan(values[0])
    for other in values[1:]:
        wrong = ops.logical_or(wrong, ops.isnan(other))
    return ops.sum(ops.cast(wrong, "float64"))
