"""Losses of labels that ripen: what is 0 now may still become 1."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from keras import ops

from tfctr.types import Tensor

__all__ = ["batches_of", "observed_by_now"]

# Of a label of which nothing can be seen yet, a little can: else its logit is infinite.
LEAST = 1e-6


def observed_by_now(
    labels: Mapping[str, Tensor],
    logits: Mapping[str, Tensor],
    ripeness: Mapping[str, str],
    shares: Mapping[str, Any],
) -> dict[str, Tensor]:
    """Logits of what labels are compared with, where some have not ripened.

    Where a label is 1, its logit stays. Where it is 0 and a share `F` of those that
    ever become 1 has done so by now, 0 has the probability `1 - F p`, so the logit
    becomes that of `F p`. With cross-entropy the loss is `-log p` and
    `-log(1 - F p)`, whose least is at the true `p`, and with `F = 1` it is as ever.

    Args:
        labels: `(rows, 1)` by label.
        logits: `(rows, 1)` by label.
        ripeness: Name of the shares of each label that ripens.
        shares: `(batch,)` or `(batch, positions)` shares `F` in [0, 1] by that name;
            a label whose shares are missing is ripe.

    Returns:
        The logits, those of labels that ripen as said.

    Source: Chapelle, Modeling Delayed Feedback in Display Advertising, KDD 2014,
    equations (8) to (10), with the distribution of delays known beforehand.
    """
    found = dict(logits)
    for label, name in ripeness.items():
        if label not in logits or shares.get(name) is None:
            continue
        share = ops.reshape(ops.cast(shares[name], "float32"), (-1, 1))
        logit = ops.cast(logits[label], "float32")
        log_p = ops.log_sigmoid(logit) + ops.log(ops.clip(share, LEAST, 1.0))
        # At 1 it is the logit itself; its gradient past `where` must be finite too.
        safe = ops.minimum(log_p, -1e-7)
        partial = safe - ops.log(-ops.expm1(safe))
        is_partial = ops.logical_and(labels[label] <= 0, share < 1)
        found[label] = ops.where(is_partial, partial, logit)
    return found


def batches_of(x: Any, y: Any, weights: Any, options: dict[str, Any]) -> Any:
    """Arrays as a `tf.data.Dataset`, whose weights may be more than labels.

    Args:
        x: Inputs by name.
        y: Labels by name.
        weights: Weights and shares by name.
        options: Arguments of `fit`; `shuffle` and `batch_size` are taken out.
    """
    data = tf.data.Dataset.from_tensor_slices((x, y, dict(weights)))
    if options.pop("shuffle", True):
        data = data.shuffle(data.cardinality())
    return data.batch(options.pop("batch_size", None) or 32)
