"""MMoE: experts that all tasks share, with a gate for each task."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfctr.features import FeatureSchema
from tfctr.layers import ExpertMixture
from tfctr.models.baselines.multitask import MultiTaskModel
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["MMoE"]


@serializable
class MMoE(MultiTaskModel):
    """`logit_t = w_t . mlp_t(sum_e gate_t(x)_e expert_e(x))`.

    Args:
        schema: The schema, with sizes. Each label is a task.
        num_experts: Number of experts.
        expert_units: Widths of each expert's MLP.
        **kwargs: `dim`, `hidden_units` of the towers, `dropout`, `seed`, `name` and
            `dtype`, as for `MultiTaskModel`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Ma et al., Modeling Task Relationships in Multi-task Learning with
    Multi-gate Mixture-of-Experts, KDD 2018.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        num_experts: int = 8,
        expert_units: Sequence[int] = (128,),
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, **kwargs)
        self.num_experts, self.expert_units = num_experts, list(expert_units)
        self.experts = ExpertMixture(
            self.label_names,
            num_experts=num_experts,
            hidden_units=expert_units,
            dropout=self.dropout,
            seed=self.seed,
            dtype=self.dtype_policy,
            name="experts",
        )

    def shared(self, flat: Tensor, training: bool = False) -> Tensor:
        return self.experts(flat, training=training)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_experts": self.num_experts,
            "expert_units": self.expert_units,
        }
