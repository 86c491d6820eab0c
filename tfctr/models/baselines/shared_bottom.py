"""Shared bottom: one MLP below a tower for each label."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfctr.features import FeatureSchema
from tfctr.layers import MLP
from tfctr.models.baselines.multitask import MultiTaskModel
from tfctr.saving import serializable
from tfctr.seeds import derived_seed
from tfctr.types import Tensor

__all__ = ["SharedBottom"]


@serializable
class SharedBottom(MultiTaskModel):
    """`logit_t = w_t . mlp_t(mlp(x))`: all tasks share the lower MLP.

    Args:
        schema: The schema, with sizes. Each label is a task.
        bottom_units: Widths of the MLP that is shared.
        **kwargs: `dim`, `hidden_units` of the towers, `dropout`, `seed`, `name` and
            `dtype`, as for `MultiTaskModel`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Caruana, Multitask Learning, Machine Learning 28, 1997.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        bottom_units: Sequence[int] = (256, 128),
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, **kwargs)
        self.bottom_units = list(bottom_units)
        self.bottom = MLP(
            bottom_units,
            dropout=self.dropout,
            seed=derived_seed(self.seed, "bottom"),
            dtype=self.dtype_policy,
            name="bottom",
        )

    def shared(self, flat: Tensor, training: bool = False) -> Tensor:
        return self.bottom(flat, training=training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bottom_units": self.bottom_units}
