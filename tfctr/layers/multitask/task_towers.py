"""A tower and a logit for each task."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.layers.interaction.mlp import MLP
from tfctr.saving import serializable
from tfctr.seeds import derived_seed, glorot
from tfctr.types import Shape, Tensor

__all__ = ["TaskTowers", "check_tasks", "noted_inputs", "noting_inputs"]

# What towers took, by the towers' `id`, where somebody wants to know.
_noted: ContextVar[dict[int, Tensor] | None] = ContextVar("tfctr_noted", default=None)


@contextmanager
def noting_inputs() -> Iterator[None]:
    """What is called inside notes the inputs of towers, for gradients by them."""
    token = _noted.set({})
    try:
        yield
    finally:
        _noted.reset(token)


def noted_inputs(towers: "TaskTowers") -> Tensor:
    """What the towers took first inside `noting_inputs`.

    Args:
        towers: The towers.

    Raises:
        InputError: Nothing was noted of them.
    """
    found = (_noted.get() or {}).get(id(towers))
    if found is None:
        raise InputError(
            towers.name,
            received="no inputs of this step",
            expected="a step of `fit` or `train_on_batch`",
        )
    return found


def check_tasks(tasks: Sequence[str]) -> list[str]:
    """The names of tasks, refused unless there is one and each is there once."""
    names = list(tasks)
    if isinstance(tasks, str) or not names or len(set(names)) < len(names):
        raise InputError("tasks", received=tasks, expected="names, each once")
    return names


def _checked(outputs: Mapping[str, int], tasks: Sequence[str]) -> dict[str, int]:
    for task, count in outputs.items():
        if task not in tasks:
            raise UnknownName("outputs", task, tasks)
        if count < 1:
            raise InputError(
                f"outputs.{task}", received=count, expected="a positive number"
            )
    return dict(outputs)


@serializable
class TaskTowers(keras.layers.Layer):
    """`logit_t = w_t . mlp_t(x_t) + b_t`, task by task.

    Weights start from seeds of the tasks' names: another task leaves the logits of the
    others as they were.

    Args:
        tasks: Names of the tasks, in the order of the result.
        outputs: Number of outputs of tasks that have more than one.
        hidden_units: Widths of each task's MLP; none for a logit of the input itself.
        dropout: Share of units dropped after each layer in training.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, width)` floats for all tasks, or `(batch, tasks, width)`.
        training: Whether dropout is on.

    Returns:
        Logits `(batch, tasks)`, float32; those of a task with several outputs stand
        side by side.

    Source: the towers of Caruana, Multitask Learning, 1997, and of all that followed.

    >>> tuple(TaskTowers(["click", "buy"], hidden_units=[4])(ops.ones((3, 5))).shape)
    (3, 2)
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        outputs: Mapping[str, int] | None = None,
        hidden_units: Sequence[int] = (64,),
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tasks = check_tasks(tasks)
        self.outputs = _checked(outputs or {}, self.tasks)
        self.hidden_units, self.dropout = list(hidden_units), dropout
        self.seed = seed
        self.towers = [self._tower(task) for task in self.tasks]
        self.output_layers = [
            keras.layers.Dense(
                self.outputs.get(task, 1),
                kernel_initializer=glorot(seed, f"output_{task}"),
                dtype="float32",
                name=f"output_{task}",
            )
            for task in self.tasks
        ]

    def build(self, inputs_shape: Shape) -> None:
        shape = (None, inputs_shape[-1])
        if len(inputs_shape) == 3 and inputs_shape[1] != len(self.tasks):
            raise InputError(
                "inputs",
                received=f"shape {tuple(inputs_shape)}",
                expected=f"{len(self.tasks)} tasks on the second axis",
            )
        for tower in self.towers:
            if tower is not None:
                tower.build(shape)
        width = self.hidden_units[-1] if self.hidden_units else inputs_shape[-1]
        for output in self.output_layers:
            output.build((None, width))

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        noted = _noted.get()
        if noted is not None:
            noted.setdefault(id(self), inputs)
        logits = []
        pairs = zip(self.towers, self.output_layers, strict=True)
        for place, (tower, output) in enumerate(pairs):
            hidden = inputs if len(inputs.shape) == 2 else inputs[:, place]
            if tower is not None:
                hidden = tower(hidden, training=training)
            logits.append(output(hidden))
        return ops.concatenate(logits, axis=-1)

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return (inputs_shape[0], sum(self.outputs.get(t, 1) for t in self.tasks))

    def weights_of(self, task: str) -> list[keras.Variable]:
        """Weights that no other task has: those of its MLP and of its outputs."""
        place = self.tasks.index(task)
        tower = self.towers[place]
        own = [] if tower is None else tower.weights
        return [*own, *self.output_layers[place].weights]

    def compute_output_spec(
        self, inputs: Tensor, training: bool = False
    ) -> keras.KerasTensor:
        shape = self.compute_output_shape(inputs.shape)
        return keras.KerasTensor(shape, dtype="float32")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tasks": self.tasks,
            "outputs": self.outputs,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "seed": self.seed,
        }

    def _tower(self, task: str) -> MLP | None:
        if not self.hidden_units:
            return None
        return MLP(
            self.hidden_units,
            dropout=self.dropout,
            seed=derived_seed(self.seed, f"tower_{task}"),
            dtype=self.dtype_policy,
            name=f"tower_{task}",
        )
