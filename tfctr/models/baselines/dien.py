"""DIEN: interests that evolve from event to event, towards the candidate."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.layers import AttentionalGRU, BilinearAttention, EventGRU
from tfctr.layers.sequence.next_event import next_event_loss
from tfctr.models.baselines.sequential import SequentialModel
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["DIEN"]


@serializable
class DIEN(SequentialModel):
    """Deep Interest Evolution Network: states of a GRU, evolved towards the candidate.

    A first GRU reads the history once a request. In training it also has to tell the
    next event from one of another user in the batch; that loss is added by `add_loss`
    and plays no part outside of training. A second one (AUGRU) reads its states once a
    candidate, and moves by how much each matters to the candidate.

    Args:
        schema: The schema, with sizes and at least one sequence that shares a
            feature with the item.
        dim: Width of the embeddings.
        auxiliary_weight: Weight of the loss of the next event; 0 turns it off.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Zhou et al., Deep Interest Evolution Network for Click-Through Rate
    Prediction, AAAI 2019. Deviations: negatives are events of other histories in the
    batch, as there are no impressions; ReLU for Dice.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        auxiliary_weight: float = 1.0,
        hidden_units: Sequence[int] = (128, 64),
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            schema,
            dim=dim,
            hidden_units=hidden_units,
            dropout=dropout,
            seed=seed,
            **kwargs,
        )
        if not auxiliary_weight >= 0:
            raise InputError(
                "auxiliary_weight", received=auxiliary_weight, expected="0 or more"
            )
        self.auxiliary_weight = auxiliary_weight
        policy = self.dtype_policy
        # States are compared with events, so they are as wide.
        self.extractors = {
            name: EventGRU(width, seed=seed, dtype=policy, name=f"{name}_extractor")
            for name, width in self.widths.items()
        }
        self.attentions = {
            name: BilinearAttention(seed=seed, dtype=policy, name=f"{name}_attention")
            for name in self.widths
        }
        self.evolutions = {
            name: AttentionalGRU(width, seed=seed, dtype=policy, name=f"{name}_augru")
            for name, width in self.widths.items()
        }

    def encode_history(
        self,
        sequence: str,
        events: Tensor,
        events_mask: Tensor,
        inputs: Mapping[str, Tensor],
        training: bool,
    ) -> dict[str, Tensor]:
        states = self.extractors[sequence](events, events_mask=events_mask)
        if training and self.auxiliary_weight:
            ids = inputs[self.markers[sequence]]
            loss = next_event_loss(states, events, ids, events_mask)
            self.add_loss(self.auxiliary_weight * loss)
        return {"states": states, "mask": events_mask}

    def interests(
        self, sequence: str, history: Mapping[str, Tensor], candidates: Tensor
    ) -> list[Tensor]:
        states, mask = history["states"], history["mask"]
        attention = self.attentions[sequence](candidates, states, events_mask=mask)
        return [self.evolutions[sequence](states, attention, events_mask=mask)]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "auxiliary_weight": self.auxiliary_weight}
