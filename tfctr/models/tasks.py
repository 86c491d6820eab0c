"""Tasks: how each label of a model is trained and judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import Label
from tfctr.losses import BinaryCrossEntropy, WeightedLosses
from tfctr.losses.weighted_losses import RANKING
from tfctr.losses.zero_inflated_log_normal import ZeroInflatedLogNormal
from tfctr.models.heads import Heads
from tfctr.models.task_kinds import (
    BINARY_METRICS,
    CROSS_ENTROPY,
    METRICS,
    VALUE_LOSS,
    of_binary,
    of_value,
)
from tfctr.types import Tensor

__all__ = [
    "Task",
    "entire_space",
    "labels_above",
    "losses_of",
    "metrics_of",
    "parents_of",
    "resolve_tasks",
]

SPACES = ("observed", "all")
# The largest log-probability that is taken for one: that of 1 has no logit.
MAX_LOG_PROBABILITY = -1e-6


@dataclass(frozen=True)
class Task:
    """How a label is trained and judged; the schema says when it is observed.

    Args:
        label: Name of the label.
        space: `"observed"`: examples in which the label is observed. `"all"`: examples
            in which the first of the labels that it depends on (`Label.observed_if`)
            is: trained is the probability that it and all those are 1, against whether
            they are. Either way the label's logit is that of its probability where it
            is observed.
        losses: Weights of the losses by name, as for `tfctr.losses.WeightedLosses`. A
            label of a value has `"zero_inflated_log_normal"` by default, and no other.
            `"context_ranking"` needs a model with `two_logits` for the label.
        weight: Weight beside other tasks; with 0 the task is only judged.
        metrics: Names of metrics, which are taken where the label is observed: `"auc"`,
            `"normalized_entropy"`, `"calibration_ratio"`, `"log_loss"`,
            `"expected_calibration_error"`; of a value `"value_ratio"` and
            `"mean_value_error"`.

    Raises:
        UnknownName: A space, loss or metric.
        InputError: A weight is negative or no number, or there is no loss.

    Source: the space `"all"` is that of Ma et al., ESMM, SIGIR 2018, equation (3).
    """

    label: str
    space: str = "observed"
    losses: Mapping[str, float] = field(default_factory=lambda: dict(CROSS_ENTROPY))
    weight: float = 1.0
    metrics: tuple[str, ...] = BINARY_METRICS

    def __post_init__(self) -> None:
        object.__setattr__(self, "losses", dict(self.losses))
        object.__setattr__(self, "metrics", tuple(self.metrics))
        if self.space not in SPACES:
            raise UnknownName(f"{self.label}.space", self.space, SPACES)
        for name in self.metrics:
            if name not in METRICS:
                raise UnknownName(f"{self.label}.metrics", name, METRICS)
        if not 0 <= self.weight < float("inf"):
            raise InputError(
                f"{self.label}.weight", received=self.weight, expected="a number >= 0"
            )
        self.make_loss()  # which refuses what it cannot be made of

    def to_dict(self) -> dict[str, Any]:
        """The task in a form that JSON holds; `Task(**...)` takes it back."""
        return {
            "label": self.label,
            "space": self.space,
            "losses": dict(self.losses),
            "weight": self.weight,
            "metrics": list(self.metrics),
        }

    def make_loss(self) -> BinaryCrossEntropy:
        """A new loss."""
        if self.losses == CROSS_ENTROPY:
            return BinaryCrossEntropy()
        if self.losses == VALUE_LOSS:
            return ZeroInflatedLogNormal()
        return WeightedLosses(self.losses)

    @property
    def is_ranked(self) -> bool:
        """Whether examples of one context are compared."""
        return RANKING in self.losses

    def make_metrics(self) -> list[keras.metrics.Metric]:
        """New metrics, each called as in `metrics`."""
        return [METRICS[name](name=name) for name in self.metrics]


def resolve_tasks(
    given: Iterable[Task | Mapping[str, Any]],
    parents: Mapping[str, str | None],
    heads: Heads | None = None,
) -> dict[str, Task]:
    """The task of each label; one that is not given is the default.

    Args:
        given: Tasks, or their dicts.
        parents: For each label the one that it depends on, or `None`.
        heads: Which labels are values, and which have two logits.

    Raises:
        UnknownName: A task's label, or the one that it depends on.
        InputError: Two tasks of one label, labels that depend on each other in a
            circle, or a task that its label cannot have.
    """
    tasks: dict[str, Task] = {}
    for one in given:
        task = one if isinstance(one, Task) else Task(**one)
        if task.label not in parents:
            raise UnknownName("task", task.label, parents)
        if task.label in tasks:
            raise InputError(
                "tasks", received=f"two for {task.label}", expected="one a label"
            )
        tasks[task.label] = task
    for label in parents:
        labels_above(label, parents)
    made = {label: tasks.get(label) or Task(label) for label in parents}
    return {
        label: of_value(task)
        if heads is not None and label in heads.values
        else of_binary(task, heads is not None and label in heads.two_logits)
        for label, task in made.items()
    }


def losses_of(tasks: Mapping[str, Task]) -> dict[str, Any]:
    """Losses, and weights where they are not all 1, as `keras.Model.compile` takes."""
    weights = {name: task.weight for name, task in tasks.items()}
    losses = {name: task.make_loss() for name, task in tasks.items()}
    plain = set(weights.values()) == {1.0}
    return {"loss": losses, **({} if plain else {"loss_weights": weights})}


def metrics_of(tasks: Mapping[str, Task]) -> dict[str, list[keras.metrics.Metric]]:
    """New metrics of each label."""
    return {name: task.make_metrics() for name, task in tasks.items()}


def parents_of(labels: Iterable[Label]) -> dict[str, str | None]:
    """For each label the one without which it is not observed, or `None`."""
    return {label.name: label.observed_if for label in labels}


def labels_above(label: str, parents: Mapping[str, str | None]) -> list[str]:
    """The labels that one depends on, nearest first.

    >>> labels_above("buy", {"click": None, "cart": "click", "buy": "cart"})
    ['cart', 'click']
    """
    above: list[str] = []
    at = parents[label]
    while at is not None:
        if at not in parents:
            raise UnknownName(f"{label}.observed_if", at, parents)
        if at == label or at in above:
            raise InputError(
                f"{label}.observed_if",
                received=" -> ".join((label, *above, at)),
                expected="labels that do not depend on each other in a circle",
            )
        above.append(at)
        at = parents[at]
    return above


def entire_space(
    tasks: Mapping[str, Task],
    parents: Mapping[str, str | None],
    labels: Mapping[str, Tensor],
    logits: Mapping[str, Tensor],
    weights: Any,
) -> tuple[dict[str, Tensor], dict[str, Tensor], Any]:
    """Labels, logits and weights, joint with those above where a task's space is all.

    Args:
        tasks: The task of each label.
        parents: For each label the one that it depends on, or `None`.
        labels: Labels of one shape, 0 or 1; what a label is where it is not observed
            does not matter, since the one above is 0 there.
        logits: Logits, likewise.
        weights: `None`, weights of the examples, or their dict by label.
    """
    labels, logits = dict(labels), dict(logits)
    one_by_one = (dict(labels), dict(logits))
    weights = dict(weights) if isinstance(weights, Mapping) else weights
    for label, task in tasks.items():
        above = labels_above(label, parents)
        if task.space == "observed" or not above:
            continue
        names = [label, *above]
        labels[label] = _product([one_by_one[0][name] for name in names])
        logits[label] = _joint_logit([one_by_one[1][name] for name in names])
        if isinstance(weights, dict):
            first = weights.get(above[-1])
            weights.pop(label, None)
            if first is not None:
                weights[label] = first
    return labels, logits, weights


def _product(values: list[Tensor]) -> Tensor:
    result = values[-1]
    for value in reversed(values[:-1]):
        # Where what is above is 0, what is not observed may be anything, NaN too.
        result = ops.where(result > 0, value * result, ops.zeros_like(result))
    return result


def _joint_logit(logits: list[Tensor]) -> Tensor:
    """The logit of the product of probabilities, from their logits."""
    log_p = sum(ops.log_sigmoid(logit) for logit in logits)
    log_p = ops.minimum(log_p, MAX_LOG_PROBABILITY)
    return log_p - ops.log(-ops.expm1(log_p))
