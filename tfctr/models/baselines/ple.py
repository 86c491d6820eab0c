"""PLE: experts of each task's own beside experts of all, level upon level."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.layers import ProgressiveExtraction
from tfctr.models.baselines.multitask import MultiTaskModel
from tfctr.saving import serializable
from tfctr.seeds import derived_seed
from tfctr.types import Tensor

__all__ = ["PLE"]


@serializable
class PLE(MultiTaskModel):
    """`logit_t = w_t . mlp_t(level_n(... level_1(x))_t)`.

    Args:
        schema: The schema, with sizes. Each label is a task; none is called `shared`.
        num_levels: Number of levels; with one, this is CGC.
        num_task_experts: Experts of each task at each level.
        num_shared_experts: Experts at each level that all share.
        expert_units: Widths of each expert's MLP.
        **kwargs: `dim`, `hidden_units` of the towers, `dropout`, `seed`, `name` and
            `dtype`, as for `MultiTaskModel`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Tang et al., Progressive Layered Extraction (PLE): A Novel Multi-Task
    Learning Model for Personalized Recommendations, RecSys 2020.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        num_levels: int = 2,
        num_task_experts: int = 2,
        num_shared_experts: int = 2,
        expert_units: Sequence[int] = (128,),
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, **kwargs)
        if num_levels < 1:
            raise InputError(
                "num_levels", received=num_levels, expected="a positive number"
            )
        self.num_levels, self.expert_units = num_levels, list(expert_units)
        self.num_task_experts = num_task_experts
        self.num_shared_experts = num_shared_experts
        self.levels = [
            ProgressiveExtraction(
                self.label_names,
                num_task_experts=num_task_experts,
                num_shared_experts=num_shared_experts,
                hidden_units=expert_units,
                last=place == num_levels - 1,
                dropout=self.dropout,
                seed=derived_seed(self.seed, f"level_{place}"),
                dtype=self.dtype_policy,
                name=f"level_{place}",
            )
            for place in range(num_levels)
        ]

    def shared(self, flat: Tensor, training: bool = False) -> Tensor:
        for level in self.levels:
            flat = level(flat, training=training)
        return flat

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_levels": self.num_levels,
            "num_task_experts": self.num_task_experts,
            "num_shared_experts": self.num_shared_experts,
            "expert_units": self.expert_units,
        }
