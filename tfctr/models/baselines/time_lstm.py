"""Time-LSTM: what a user wants next depends on how long ago the last event was."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfctr.features import FeatureSchema
from tfctr.layers import TimeGatedLSTM
from tfctr.layers.sequence.intervals import until_next
from tfctr.models.baselines.sequential import SequentialModel, check_times, spread
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["TimeLSTM"]


@serializable
class TimeLSTM(SequentialModel):
    """The last state of an LSTM with time gates, compared with the candidate.

    Gates see the time from each event to the next, and from the last to the request. A
    history is read once a request; a candidate costs no more than the MLP. The
    intervals of a sequence without timestamp, and those from or to a missing time, are
    taken as 0.

    Args:
        schema: The schema, with sizes, the request's timestamp, and at least one
            sequence with a timestamp that shares a feature with the item.
        dim: Width of the embeddings.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Zhu et al., What to Do Next: Modeling User Behaviors by Time-LSTM, IJCAI
    2017, Time-LSTM 2. Deviations: intervals on a logarithmic scale, no peepholes.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
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
        self.recurrences = {
            name: TimeGatedLSTM(
                width,
                return_sequences=False,
                seed=seed,
                dtype=self.dtype_policy,
                name=f"{name}_lstm",
            )
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
        times, request = self.times(sequence, events_mask, inputs)
        intervals = until_next(times, events_mask, request)
        recurrence = self.recurrences[sequence]
        return {"interest": recurrence(events, intervals, events_mask=events_mask)}

    def interests(
        self, sequence: str, history: Mapping[str, Tensor], candidates: Tensor
    ) -> list[Tensor]:
        return [spread(history["interest"], candidates)]
