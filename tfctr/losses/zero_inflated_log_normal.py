"""Values that are 0 for most, and log-normal for the others."""

import math
from typing import Any

from keras import ops

from tfctr.losses.binary_cross_entropy import BinaryCrossEntropy
from tfctr.losses.cross_entropy import cross_entropy
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = [
    "ZeroInflatedLogNormal",
    "log_expected_value",
    "zero_inflated_log_normal_loss",
]

# A deviation of 0 has no likelihood; the source has the root of float32's precision.
LEAST_SIGMA = 3.4526698e-4


def zero_inflated_log_normal_loss(values: Tensor, outputs: Tensor) -> Tensor:
    """`-log p(y)` where `y` is 0 with probability `1 - p`, else log-normal.

    `-log(1 - p)` of a value of 0; `-log p + log y + log sigma + log(2 pi) / 2 +
    (log y - mu)^2 / (2 sigma^2)` of others, with `p = sigmoid(o_1)`, `mu = o_2` and
    `sigma = softplus(o_3)`.

    Args:
        values: `(..., 1)`, at least 0. One that is negative or NaN costs NaN: in a
            compiled graph that is the only way to say so.
        outputs: `(..., 3)`.

    Returns:
        `(..., 1)` in the dtype of the outputs.

    Source: Wang, Liu and Miao, A Deep Probabilistic Model for Customer Lifetime Value
    Prediction, 2019, equation (4).
    """
    logit, mu, sigma = _parts(outputs)
    values = ops.cast(values, outputs.dtype)
    is_positive = values > 0
    buys = cross_entropy(ops.cast(is_positive, outputs.dtype), logit)
    log_value = ops.log(ops.where(is_positive, values, 1.0))
    surprise = (log_value - mu) / sigma
    density = log_value + ops.log(sigma) + 0.5 * ops.square(surprise)
    density = density + 0.5 * math.log(2 * math.pi)
    loss = buys + ops.where(is_positive, density, 0.0)
    return ops.where(values >= 0, loss, float("nan"))


def log_expected_value(outputs: Tensor) -> Tensor:
    """`log(p exp(mu + sigma^2 / 2))`: the logarithm of the mean of the distribution.

    Args:
        outputs: `(..., 3)` as `zero_inflated_log_normal_loss` takes them.

    Returns:
        `(...)`, float32.
    """
    logit, mu, sigma = _parts(ops.cast(outputs, "float32"))
    found = ops.log_sigmoid(logit) + mu + 0.5 * ops.square(sigma)
    return ops.squeeze(found, axis=-1)


@serializable
class ZeroInflatedLogNormal(BinaryCrossEntropy):
    """`zero_inflated_log_normal_loss` of values `(rows, 1)` and outputs `(rows, 3)`.

    Args:
        name: Name of the loss.
        **kwargs: As for `BinaryCrossEntropy`.
    """

    def __init__(
        self, name: str | None = "zero_inflated_log_normal", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return zero_inflated_log_normal_loss(y_true, y_pred)


def _parts(outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    logit, mu, spread = (outputs[..., k : k + 1] for k in range(3))
    return logit, mu, ops.maximum(ops.softplus(spread), LEAST_SIGMA)
