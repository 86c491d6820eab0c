"""Stopping of each task at its own time."""

from typing import Any

import keras
import numpy as np

from tfctr.data.cells import Array
from tfctr.errors import InputError
from tfctr.models.task_objective import towers_of
from tfctr.training.growth import slots_of

__all__ = ["StopEachTask"]

# What is better when it is larger; of everything else the least is best.
LARGER_IS_BETTER = ("auc", "grouped_auc")


class StopEachTask(keras.callbacks.Callback):
    """Watches each task, and stops it when it gets no better; others go on.

    A sparse task over-fits epochs before a dense one has learnt all it can. When a
    task has not become better for `patience` epochs, its tower gets the weights of the
    best epoch back and stays as it is, and the task no longer counts: neither in the
    loss of training nor in what is shared. When all have stopped, training ends.

    What tasks share goes on to be trained by the others, so that a task that has
    stopped may still change, for better or worse. Tasks of weight 0 are not watched.
    `keras.callbacks.EarlyStopping` beside it would go back to one epoch for all.

    Args:
        patience: Epochs that a task may go without becoming better.
        monitor: What is watched: `"loss"` or a metric of the tasks, of validation.
        min_delta: By how much it has to be better to count.

    Attributes:
        best: The best value of each task.
        best_epoch: In which epoch it was.
        stopped_epoch: In which epoch each task was stopped; who is not there was not.

    Raises:
        InputError: A number is out of range; in training, the model has no tower for
            each task, it runs on several replicas, or what is watched is not reported.
    """

    def __init__(
        self, patience: int = 1, *, monitor: str = "loss", min_delta: float = 0.0
    ) -> None:
        super().__init__()
        if patience < 1:
            raise InputError("patience", received=patience, expected="at least 1")
        if not 0 <= min_delta < float("inf"):
            raise InputError("min_delta", received=min_delta, expected="a number >= 0")
        self.patience, self.monitor, self.min_delta = patience, monitor, min_delta
        self.tasks: list[str] = []
        self._forget()

    @property
    def best_weights(self) -> list[Array]:
        """Weights of the best epoch of each task's tower, one after the other."""
        return [value for name in self.tasks for value in self._best_weights[name]]

    @best_weights.setter
    def best_weights(self, values: list[Array]) -> None:
        left = iter(values)
        for name in self.tasks:
            kept = self._weights_of(name)
            self._best_weights[name] = [next(left) for _ in kept]

    def on_train_begin(self, logs: Any = None) -> None:
        towers_of(self.model, "StopEachTask")
        if self.model.distribute_strategy.num_replicas_in_sync > 1:
            raise InputError(
                "StopEachTask", received="several replicas", expected="one"
            )
        self._forget()
        objective = self.model.objective
        self.tasks = [n for n, task in objective.tasks.items() if task.weight > 0]
        for name in self.tasks:
            self._best_weights[name] = self._values_of(name)
        objective.make_switches()
        # It may have been traced without switches.
        self.model.make_train_function(force=True)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name in self.tasks:
            if name in self.stopped_epoch:
                self._put_back(name)  # which the decay of weights has moved
                continue
            value = self._value_of(name, logs or {})
            if self._is_better(name, value):
                self.best[name], self.best_epoch[name] = value, epoch
                self._best_weights[name] = self._values_of(name)
            elif epoch - self.best_epoch.get(name, -1) >= self.patience:
                self.stopped_epoch[name] = epoch
                self._put_back(name)
                self._forget_slots(name)
        self.model.objective.turn_off([*self.stopped_epoch])
        if len(self.stopped_epoch) == len(self.tasks):
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        self.model.objective.switches = None
        self.model.make_train_function(force=True)

    def _forget(self) -> None:
        self.best: dict[str, float] = {}
        self.best_epoch: dict[str, int] = {}
        self.stopped_epoch: dict[str, int] = {}
        self._best_weights: dict[str, list[Array]] = {}

    def _value_of(self, name: str, logs: Any) -> float:
        key = f"val_{name}_{self.monitor}"
        if key not in logs and len(self.model.label_names) == 1:
            key = f"val_{self.monitor}"
        if key not in logs:
            raise InputError(
                "StopEachTask.monitor",
                received=f"{self.monitor!r}, and no {key!r}",
                expected=f"what is reported: {', '.join(map(str, logs))}",
                hint="`fit` needs `validation_data`.",
            )
        return float(logs[key])

    def _is_better(self, name: str, value: float) -> bool:
        if np.isnan(value) or name not in self.best:
            return not np.isnan(value)
        gain = self.best[name] - value
        if self.monitor in LARGER_IS_BETTER:
            gain = -gain
        return gain > self.min_delta

    def _weights_of(self, name: str) -> list[keras.Variable]:
        weights: list[keras.Variable] = self.model.towers.weights_of(name)
        return weights

    def _values_of(self, name: str) -> list[Array]:
        return [np.array(weight) for weight in self._weights_of(name)]

    def _put_back(self, name: str) -> None:
        pairs = zip(self._weights_of(name), self._best_weights[name], strict=True)
        for weight, value in pairs:
            weight.assign(value)

    def _forget_slots(self, name: str) -> None:
        """Without momentum, a gradient of 0 leaves a weight where it is."""
        optimizer = self.model.optimizer
        if not optimizer.built:
            return
        for weight in self._weights_of(name):
            blank = keras.Variable(np.zeros(weight.shape, "float32"), name="blank")
            fresh = type(optimizer).from_config(optimizer.get_config())
            fresh.build([blank])
            firsts = slots_of(fresh, blank)
            for slot, first in zip(slots_of(optimizer, weight), firsts, strict=True):
                slot.assign(first)
