"""LSTM++: the last state of an LSTM and long-term taste, balanced by the moment."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import AdaptiveFusion, EventLSTM, QueryPooling
from tfctr.layers.sequence.intervals import since_last
from tfctr.models.baselines.sequential import SequentialModel, spread
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["LSTMPlusPlus"]


@serializable
class LSTMPlusPlus(SequentialModel):
    """SLi-Rec without its time gates and without attention of the candidate.

    Short-term interest is the last state of an LSTM, long-term taste are events pooled
    by a trained query. A gate that sees both, the candidate and the time since the last
    event balances them. The history is read once a request. Where times are not
    declared or missing, the gate sees 0.

    Args:
        schema: The schema, with sizes and at least one sequence that shares a
            feature with the item.
        dim: Width of the embeddings.
        query_units: Width of the query of the long-term attention.
        gate_units: Widths of the hidden layers of the gate.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: a baseline of Yu et al., Adaptive User Modeling with Long and Short-Term
    Preferences for Personalized Recommendation, IJCAI 2019.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
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
        self.query_units = query_units
        self.gate_units = list(gate_units)
        common = {"seed": seed, "dtype": self.dtype_policy}
        self.recurrences = {
            name: EventLSTM(
                width, return_sequences=False, name=f"{name}_lstm", **common
            )
            for name, width in self.widths.items()
        }
        self.poolings = {
            name: QueryPooling(query_units, name=f"{name}_long_term", **common)
            for name in self.widths
        }
        self.gates = {
            name: AdaptiveFusion(self.gate_units, name=f"{name}_gate", **common)
            for name in self.widths
        }

    def encode_history(
        self,
        sequence: str,
        events: Tensor,
        events_mask: Tensor,
        inputs: Mapping[str, Tensor],
        training: bool,
    ) -> dict[str, Tensor]:
        times, request = self.times(sequence, events_mask, inputs)
        return {
            "short_term": self.recurrences[sequence](events, events_mask=events_mask),
            "long_term": self.poolings[sequence](events, events_mask=events_mask),
            "since_last": since_last(times, events_mask, request),
        }

    def interests(
        self, sequence: str, history: Mapping[str, Tensor], candidates: Tensor
    ) -> list[Tensor]:
        context = [candidates, spread(history["since_last"], candidates)]
        fused = self.gates[sequence](
            spread(history["long_term"], candidates),
            spread(history["short_term"], candidates),
            ops.concatenate(context, axis=-1),
        )
        return [fused]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "query_units": self.query_units,
            "gate_units": self.gate_units,
        }
