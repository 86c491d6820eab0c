"""Experts that all tasks share, mixed for each task by a gate of its own."""

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

__all__ = ["ExpertMixture"]


@serializable
class ExpertMixture(keras.layers.Layer):
    """`sum_e softmax(x G_t)_e expert_e(x)` for each task `t`: multi-gate experts.

    Args:
        tasks: Names of the tasks, in the order of the result.
        num_experts: Number of experts.
        hidden_units: Widths of each expert's MLP.
        dropout: Share of units dropped after each layer of the experts in training.
        seed: Seed of the initial values; a task's gate starts from its name's.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, width)` floats.
        training: Whether dropout is on.

    Returns:
        `(batch, tasks, hidden_units[-1])` in the compute dtype.

    Source: Ma et al., Modeling Task Relationships in Multi-task Learning with
    Multi-gate Mixture-of-Experts, KDD 2018, equations (5) to (7).

    >>> mixture = ExpertMixture(["click", "buy"], num_experts=3, hidden_units=[4])
    >>> tuple(mixture(ops.ones((6, 5))).shape)
    (6, 2, 4)
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        num_experts: int = 8,
        hidden_units: Sequence[int] = (128,),
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tasks = check_tasks(tasks)
        if num_experts < 1:
            raise InputError(
                "num_experts", received=num_experts, expected="a positive number"
            )
        self.num_experts, self.dropout, self.seed = num_experts, dropout, seed
        self.hidden_units = list(hidden_units)
        self.experts = [
            MLP(
                hidden_units,
                dropout=dropout,
                seed=derived_seed(seed, f"expert_{place}"),
                dtype=self.dtype_policy,
                name=f"expert_{place}",
            )
            for place in range(num_experts)
        ]

    def build(self, inputs_shape: Shape) -> None:
        for expert in self.experts:
            expert.build((None, inputs_shape[-1]))
        self.gate_kernels = [
            self.add_weight(
                name=f"gate_{task}_kernel",
                shape=(inputs_shape[-1], self.num_experts),
                initializer=glorot(self.seed, f"gate_{task}"),
            )
            for task in self.tasks
        ]

    def gates(self, inputs: Tensor) -> Tensor:
        """Weights `(batch, tasks, experts)`, which sum to 1; float32."""
        kernel = ops.stack([ops.cast(k, inputs.dtype) for k in self.gate_kernels])
        logits = ops.einsum("bi,tie->bte", inputs, kernel)
        return softmax(logits)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        made = [expert(inputs, training=training) for expert in self.experts]
        weights = ops.cast(self.gates(inputs), self.compute_dtype)
        return ops.matmul(weights, ops.stack(made, axis=1))

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return (inputs_shape[0], len(self.tasks), self.hidden_units[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tasks": self.tasks,
            "num_experts": self.num_experts,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "seed": self.seed,
        }
