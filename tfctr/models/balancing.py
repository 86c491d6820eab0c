"""Weights of tasks that follow from their losses."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.models.tasks import Task
from tfctr.types import Tensor

__all__ = ["BALANCES", "check_balance", "inverse_losses", "weighted_losses"]

BALANCES = ("fixed", "uncertainty", "gradnorm")
# A task whose loss is next to nothing is not to outweigh all others.
LEAST = 1e-3


def check_balance(balance: Any) -> tuple[str, dict[str, Any]]:
    """Name and settings of a balance.

    Args:
        balance: The name, or a dict with it as `kind` beside settings.

    Raises:
        UnknownName: It is none of `BALANCES`.
        InputError: It is neither a name nor such a dict, or has settings for nothing.
    """
    settings = dict(balance) if isinstance(balance, Mapping) else {"kind": balance}
    name = settings.pop("kind", None)
    if not isinstance(name, str):
        raise InputError(
            "balance", received=balance, expected="a name, or a dict with a `kind`"
        )
    if name not in BALANCES:
        raise UnknownName("balance", name, BALANCES)
    if settings and name != "gradnorm":
        raise InputError(
            "balance", received=f"{[*settings]} for {name!r}", expected="no settings"
        )
    return name, settings


def weighted_losses(
    tasks: Mapping[str, Task],
    labels: Mapping[str, Tensor],
    predictions: Mapping[str, Tensor],
    weights: Any,
) -> Tensor:
    """`w_k L_k` of each task.

    Args:
        tasks: The task of each label; `w_k` is its weight.
        labels: `(rows, 1)` by label.
        predictions: What losses take, `(rows, ...)` by label.
        weights: `None`, weights `(rows,)`, or their dict by label.

    Returns:
        `(tasks,)`; 0 for one that is observed nowhere.
    """
    found = []
    for name, task in tasks.items():
        own = weights.get(name) if isinstance(weights, Mapping) else weights
        loss = task.make_loss()(labels[name], predictions[name], sample_weight=own)
        found.append(task.weight * loss)
    return ops.stack(found)


def inverse_losses(losses: Tensor, counts: Tensor) -> Tensor:
    """Weights of tasks in proportion to `1 / L_k`, whose mean is 1.

    They are those of the least `sum_k (L_k / s_k + log s_k)`, which is at `s_k = L_k`,
    so nothing is to be learnt. Who weighs by them lets no gradient pass.

    Args:
        losses: `(tasks,)`.
        counts: `(tasks,)`: 1 for tasks that take part; a loss of 0 does not.

    Returns:
        `(tasks,)`.

    Source: Kendall, Gal and Cipolla, Multi-Task Learning Using Uncertainty to Weigh
    Losses, CVPR 2018, with each uncertainty at its optimum, as Kirchdorfer et al.,
    Analytical Uncertainty-Based Loss Weighting, 2024, do.
    """
    counts = counts * ops.cast(losses > 0, losses.dtype)
    inverse = counts / ops.maximum(losses, LEAST)
    mean = ops.sum(inverse) / ops.maximum(ops.sum(counts), 1.0)
    return inverse / ops.where(mean > 0, mean, 1.0)
