"""Weights of tasks that follow from their losses."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.errors import UnknownName
from tfctr.models.tasks import Task
from tfctr.types import Tensor

__all__ = ["BALANCES", "check_balance", "rebalanced"]

BALANCES = ("fixed", "uncertainty")
# A task whose loss is next to nothing is not to outweigh all others.
LEAST = 1e-3


def check_balance(name: str) -> str:
    """The name itself, if it is one of `BALANCES`.

    Args:
        name: The name.

    Raises:
        UnknownName: It is none.
    """
    if name not in BALANCES:
        raise UnknownName("balance", name, BALANCES)
    return name


def rebalanced(
    tasks: Mapping[str, Task],
    labels: Mapping[str, Tensor],
    logits: Mapping[str, Tensor],
    weights: Any,
) -> Tensor:
    """What is to be added to the loss of fixed weights, so that tasks are balanced.

    The loss becomes `sum_k c_k w_k L_k` with `c_k` proportional to `1 / L_k` and their
    mean over tasks 1: that of the least `sum_k (L_k / s_k + log s_k)`, which is at
    `s_k = L_k`, so nothing is to be learnt. No gradient passes `c`. A task that is
    observed nowhere in the batch, or has no weight, is left out.

    Args:
        tasks: The task of each label; `w_k` is its weight.
        labels: `(rows, 1)` by label.
        logits: `(rows, 1)` by label.
        weights: `None`, weights `(rows,)`, or their dict by label.

    Returns:
        A scalar: `sum_k (c_k - 1) w_k L_k`.

    Source: Kendall, Gal and Cipolla, Multi-Task Learning Using Uncertainty to Weigh
    Losses, CVPR 2018, with each uncertainty at its optimum, as Kirchdorfer et al.,
    Analytical Uncertainty-Based Loss Weighting, 2024, do.
    """
    found = []
    for name, task in tasks.items():
        own = weights.get(name) if isinstance(weights, Mapping) else weights
        loss = task.make_loss()(labels[name], logits[name], sample_weight=own)
        found.append(task.weight * loss)
    losses = ops.stack(found)
    counts = ops.cast(losses > 0, losses.dtype)
    inverse = counts / ops.maximum(ops.stop_gradient(losses), LEAST)
    mean = ops.sum(inverse) / ops.maximum(ops.sum(counts), 1.0)
    scales = inverse / ops.where(mean > 0, mean, 1.0)
    return ops.sum((ops.stop_gradient(scales) - 1.0) * losses)
