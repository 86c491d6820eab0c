"""From what a model gives to the loss of all tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.layers.multitask.task_towers import TaskTowers, noted_inputs
from tfctr.models.balancing import check_balance, inverse_losses, weighted_losses
from tfctr.models.delayed_feedback import observed_by_now
from tfctr.models.gradnorm import GradNorm, gradient_norms
from tfctr.models.heads import parted
from tfctr.models.objective import columns, rows_of_weights
from tfctr.models.tasks import Task, entire_space, resolve_tasks
from tfctr.types import Tensor

__all__ = ["TaskObjective", "towers_of"]

Losable = tuple[Mapping[str, Tensor], dict[str, Tensor], Any]


class TaskObjective:
    """Tasks, how they are balanced, and which of them still learn.

    Args:
        tasks: The task of each label.
        balance: As for `compile`.
    """

    def __init__(self, tasks: Mapping[str, Task], balance: Any = "fixed") -> None:
        self.tasks, self.given_balance = dict(tasks), balance
        self.balance, settings = check_balance(balance)
        self.switches: tf.Variable | None = None
        self.gradnorm: GradNorm | None = None
        if self.balance == "gradnorm":
            names = [name for name, task in self.tasks.items() if task.weight > 0]
            self.gradnorm = GradNorm.of(names, settings)

    @classmethod
    def of(
        cls, model: Any, tasks: Sequence[Task | Mapping[str, Any]], balance: Any
    ) -> "TaskObjective":
        """That of a model's labels.

        Args:
            model: The model.
            tasks: Tasks of some labels, or their dicts.
            balance: As for `compile`.

        Raises:
            InputError: The balance needs towers or one device, and the model has none
                or several.
        """
        made = cls(resolve_tasks(tasks, model.label_parents, model.heads), balance)
        if made.gradnorm is not None:
            towers_of(model, "balance")
            if model.distribute_strategy.num_replicas_in_sync > 1:
                raise InputError(
                    "balance",
                    received="'gradnorm' on several replicas",
                    expected="one: each would have weights of its own",
                )
        return made

    @property
    def variables(self) -> list[tf.Variable]:
        """What changes from step to step beside the model's weights."""
        switches = [] if self.switches is None else [self.switches]
        return [*switches, *(self.gradnorm.variables if self.gradnorm else ())]

    def make_switches(self) -> None:
        """Makes tasks such that they can be turned off; all are on."""
        self.switches = tf.Variable(tf.ones(len(self.tasks)), trainable=False)

    def turn_off(self, names: Sequence[str]) -> None:
        """Tasks that have no say in the loss, and no gradient, from now on."""
        if self.switches is None:
            raise InputError("switches", received="none", expected="`make_switches`")
        for name in names:
            if name not in self.tasks:
                raise UnknownName("task", name, self.tasks)
        self.switches.assign([float(name not in names) for name in self.tasks])

    def losable(
        self, model: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any
    ) -> Losable:
        """Labels, predictions and weights as losses take them.

        Args:
            model: The model.
            x: Inputs.
            y: Labels by name.
            y_pred: Scores by label, and all outputs of heads with several.
            sample_weight: `None`, weights of the examples, or their dict by label.
        """
        scores, outputs = parted(y_pred)
        weights = rows_of_weights(sample_weight, scores)
        y, scores = columns(y), columns(scores)
        if any(task.space == "all" for task in self.tasks.values()):
            y, scores, weights = entire_space(
                self.tasks, model.label_parents, y, scores, weights
            )
        if model.label_ripeness and isinstance(sample_weight, Mapping):
            scores = observed_by_now(y, scores, model.label_ripeness, sample_weight)
        if model.heads.several:
            ranked = [name for name, task in self.tasks.items() if task.is_ranked]
            plain = model._unpacked(x)
            scores = model.heads.loss_inputs(plain, y, scores, outputs, weights, ranked)
        return y, scores, weights

    def switched(self, predictions: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The same; of tasks that are off no gradient passes them."""
        if self.switches is None:
            return predictions
        found = dict(predictions)
        for place, name in enumerate(self.tasks):
            value = found[name]
            found[name] = ops.where(
                self.switches[place] > 0, value, ops.stop_gradient(value)
            )
        return found

    def rebalanced(
        self, model: Any, batch: Losable, given: tuple[Any, Any, Any, Any]
    ) -> Tensor | None:
        """What is to be added to the loss of fixed weights: `sum (c_k - 1) w_k L_k`.

        Args:
            model: The model.
            batch: What `losable` gave.
            given: What it was given: inputs, labels, predictions and weights.

        Returns:
            A scalar; `None` where there is nothing to add.
        """
        if self.balance == "fixed" and self.switches is None:
            return None
        losses = weighted_losses(self.tasks, *batch)
        counts = ops.ones_like(losses)
        if self.switches is not None:
            counts = ops.convert_to_tensor(self.switches)
        scales = counts
        if self.balance == "uncertainty":
            scales = inverse_losses(losses, counts)
        if self.gradnorm is not None:
            found = self._by_gradients(self.gradnorm, model, losses, counts, given)
            scales = scales * found
        # Else a task would lower its weight by raising its loss.
        return ops.sum((ops.stop_gradient(scales) - 1.0) * losses)

    def _by_gradients(
        self,
        balance: GradNorm,
        model: Any,
        losses: Tensor,
        counts: Tensor,
        given: tuple[Any, ...],
    ) -> Tensor:
        x, y, y_pred, sample_weight = given
        towers = towers_of(model, "balance")
        inputs = noted_inputs(towers)
        like = ops.shape(next(iter(parted(y_pred)[0].values())))

        def losses_of(outputs: Tensor) -> list[Tensor]:
            outputs = ops.reshape(outputs, (*like, model.heads.total))
            scores = model.heads.scores(outputs)
            batch = self.losable(model, x, y, scores, sample_weight)
            return [found for found in tf.unstack(weighted_losses(self.tasks, *batch))]

        norms = gradient_norms(towers, inputs, losses_of)
        trained = [k for k, name in enumerate(self.tasks) if name in balance.names]
        parts = (ops.take(value, trained) for value in (losses, norms, counts))
        own = iter(tf.unstack(balance.step(*parts)))
        ones = ops.ones_like(losses[0])
        return ops.stack(
            [next(own) if name in balance.names else ones for name in self.tasks]
        )


def towers_of(model: Any, field: str) -> TaskTowers:
    """The towers of a model.

    Args:
        model: The model.
        field: What asks for them, for the error.

    Raises:
        InputError: It has none.
    """
    towers = getattr(model, "towers", None)
    if not isinstance(towers, TaskTowers):
        raise InputError(
            field,
            received=f"{type(model).__name__}, without a tower for each task",
            expected="SharedBottom, ESMM, MMoE, PLE or DHEN",
        )
    return towers
