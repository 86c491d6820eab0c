"""A level of experts of each task's own beside experts of all."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.mlp import MLP
from tfctr.layers.multitask.task_towers import check_tasks
from tfctr.layers.softmax import softmax
from tfctr.saving import serializable
from tfctr.seeds import derived_seed, glorot
from tfctr.types import Shape, Tensor

__all__ = ["ProgressiveExtraction"]

SHARED = "shared"


@serializable
class ProgressiveExtraction(keras.layers.Layer):
    """Each task's gate mixes its own experts and the shared ones, nobody else's.

    `y_t = softmax(x_t G_t) [experts_t(x_t), experts_s(x_s)]`; what all share goes on as
    `y_s = softmax(x_s G_s) [experts_1(x_1), ..., experts_s(x_s)]`, unless this level is
    the last.

    Args:
        tasks: Names of the tasks, in the order of the result.
        num_task_experts: Experts of each task.
        num_shared_experts: Experts that all share.
        hidden_units: Widths of each expert's MLP.
        last: Whether no level follows: then nothing shared comes out.
        dropout: Share of units dropped after each layer of the experts in training.
        seed: Seed of the initial values; those of a task start from its name's.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, width)` floats at the first level; what the level before gave,
            `(batch, tasks + 1, width)`, at others.
        training: Whether dropout is on.

    Returns:
        `(batch, tasks + 1, hidden_units[-1])`, what is shared last; of the last level
        `(batch, tasks, hidden_units[-1])`. In the compute dtype.

    Source: Tang et al., Progressive Layered Extraction, RecSys 2020, equations (5) to
    (9).

    >>> level = ProgressiveExtraction(["click", "buy"], hidden_units=[4])
    >>> tuple(level(ops.ones((6, 5))).shape)
    (6, 3, 4)
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        num_task_experts: int = 2,
        num_shared_experts: int = 2,
        hidden_units: Sequence[int] = (128,),
        last: bool = False,
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tasks = check_tasks(tasks)
        if SHARED in self.tasks:
            raise InputError(
                "tasks", received=SHARED, expected="another name: all tasks have it"
            )
        for name, number in (
            ("num_task_experts", num_task_experts),
            ("num_shared_experts", num_shared_experts),
        ):
            if number < 1:
                raise InputError(name, received=number, expected="a positive number")
        self.num_task_experts = num_task_experts
        self.num_shared_experts = num_shared_experts
        self.hidden_units, self.last = list(hidden_units), last
        self.dropout, self.seed = dropout, seed
        self.experts = {
            group: [self._expert(group, k) for k in range(self._count(group))]
            for group in (*self.tasks, SHARED)
        }

    def build(self, inputs_shape: Shape) -> None:
        width, groups = inputs_shape[-1], len(self.experts)
        if len(inputs_shape) == 3 and inputs_shape[1] != groups:
            raise InputError(
                "inputs",
                received=f"shape {tuple(inputs_shape)}",
                expected=f"{groups} on the second axis: the tasks, and what they share",
            )
        for experts in self.experts.values():
            for expert in experts:
                expert.build((None, width))
        self.gate_kernels = {
            group: self.add_weight(
                name=f"gate_{group}_kernel",
                shape=(width, sum(map(self._count, self._seen(group)))),
                initializer=glorot(self.seed, f"gate_{group}"),
            )
            for group in self._gated()
        }

    def gates(self, inputs: Tensor) -> dict[str, Tensor]:
        """Weights `(batch, experts)` by task and of what is shared; float32, sum 1.

        A task sees its own experts first; what is shared sees all tasks' in order.
        """
        own = self._by_group(inputs)
        return {
            group: softmax(ops.matmul(own[group], self.gate_kernels[group]))
            for group in self._gated()
        }

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        own, gates = self._by_group(inputs), self.gates(inputs)
        made = {
            group: [expert(own[group], training=training) for expert in experts]
            for group, experts in self.experts.items()
        }
        mixed = []
        for group in self._gated():
            seen = [one for other in self._seen(group) for one in made[other]]
            weights = ops.cast(gates[group], self.compute_dtype)
            mixed.append(ops.einsum("be,beu->bu", weights, ops.stack(seen, axis=1)))
        return ops.stack(mixed, axis=1)

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return (inputs_shape[0], len(self._gated()), self.hidden_units[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tasks": self.tasks,
            "num_task_experts": self.num_task_experts,
            "num_shared_experts": self.num_shared_experts,
            "hidden_units": self.hidden_units,
            "last": self.last,
            "dropout": self.dropout,
            "seed": self.seed,
        }

    def _gated(self) -> list[str]:
        return self.tasks if self.last else [*self.tasks, SHARED]

    def _seen(self, group: str) -> list[str]:
        return [*self.tasks, SHARED] if group == SHARED else [group, SHARED]

    def _count(self, group: str) -> int:
        return self.num_shared_experts if group == SHARED else self.num_task_experts

    def _by_group(self, inputs: Tensor) -> dict[str, Tensor]:
        shared = len(inputs.shape) == 2
        return {
            group: inputs if shared else inputs[:, place]
            for place, group in enumerate(self.experts)
        }

    def _expert(self, group: str, place: int) -> MLP:
        name = f"expert_{group}_{place}"
        return MLP(
            self.hidden_units,
            dropout=self.dropout,
            seed=derived_seed(self.seed, name),
            dtype=self.dtype_policy,
            name=name,
        )
