"""SLi-Rec: long-term taste and short-term interest, balanced by the moment."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import (
    AdaptiveFusion,
    QueryPooling,
    TargetAttention,
    TimeControlledLSTM,
)
from tfctr.layers.sequence.intervals import log_interval, since_last, since_previous
from tfctr.models.baselines.sequential import SequentialModel, check_times, spread
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["SLiRec"]


@serializable
class SLiRec(SequentialModel):
    """Short-term and Long-term preference Integrated Recommender.

    Short-term interest: an LSTM whose gates see the time between events and up to the
    request, its states pooled by how much each matters to the candidate. Long-term
    taste: events pooled by a trained query. A gate that sees both, the candidate and
    the time since the last event balances them. The history is read once a request.
    The intervals of a sequence without timestamp, and those from or to a missing time,
    are taken as 0.

    Args:
        schema: The schema, with sizes, the request's timestamp, and at least one
            sequence with a timestamp that shares a feature with the item.
        dim: Width of the embeddings.
        attention_units: Widths of the scoring MLP of the short-term attention.
        query_units: Width of the query of the long-term attention.
        gate_units: Widths of the hidden layers of the gate.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Yu et al., Adaptive User Modeling with Long and Short-Term Preferences for
    Personalized Recommendation, IJCAI 2019. Deviations: the logarithmic scale of
    intervals, and ReLU in the gate.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        attention_units: Sequence[int] = (32, 16),
        query_units: int = 32,
        gate_units: Sequence[int] = (32, 16),
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
        check_times(self.schema)
        self.attention_units = list(attention_units)
        self.query_units = query_units
        self.gate_units = list(gate_units)
        self.recurrences: dict[str, TimeControlledLSTM] = {}
        self.attentions: dict[str, TargetAttention] = {}
        self.poolings: dict[str, QueryPooling] = {}
        self.gates: dict[str, AdaptiveFusion] = {}
        for name in self.widths:
            self._make_layers(name, {"seed": seed, "dtype": self.dtype_policy})

    def encode_history(
        self,
        sequence: str,
        events: Tensor,
        events_mask: Tensor,
        inputs: Mapping[str, Tensor],
        training: bool,
    ) -> dict[str, Tensor]:
        times, request = self.times(sequence, events_mask, inputs)
        states = self.recurrences[sequence](
            events,
            since_previous(times, events_mask),
            log_interval(times, request),
            events_mask=events_mask,
        )
        return {
            "states": states,
            "mask": events_mask,
            "long_term": self.poolings[sequence](events, events_mask=events_mask),
            "since_last": since_last(times, events_mask, request),
        }

    def interests(
        self, sequence: str, history: Mapping[str, Tensor], candidates: Tensor
    ) -> list[Tensor]:
        short_term = self.attentions[sequence](
            candidates, history["states"], events_mask=history["mask"]
        )
        context = [candidates, spread(history["since_last"], candidates)]
        fused = self.gates[sequence](
            spread(history["long_term"], candidates),
            short_term,
            ops.concatenate(context, axis=-1),
        )
        return [fused]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "attention_units": self.attention_units,
            "query_units": self.query_units,
            "gate_units": self.gate_units,
        }

    def _make_layers(self, name: str, common: dict[str, Any]) -> None:
        """Makes the layers of one history."""
        self.recurrences[name] = TimeControlledLSTM(
            self.widths[name], name=f"{name}_lstm", **common
        )
        attention = TargetAttention(
            hidden_units=self.attention_units,
            normalization="softmax",
            name=f"{name}_attention",
            **common,
        )
        # It would move all scores alike, which the softmax undoes: never trained.
        attention.score.use_bias = False
        self.attentions[name] = attention
        self.poolings[name] = QueryPooling(
            self.query_units, name=f"{name}_long_term", **common
        )
        self.gates[name] = AdaptiveFusion(
            self.gate_units, name=f"{name}_gate", **common
        )
