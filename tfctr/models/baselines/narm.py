"""NARM: where a history leads, and which of its events have to do with that."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import AdditivePooling, EventGRU
from tfctr.models.baselines.sequential import SequentialModel, spread
from tfctr.saving import serializable
from tfctr.seeds import derived_seed
from tfctr.types import Tensor

__all__ = ["NARM"]


@serializable
class NARM(SequentialModel):
    """Neural Attentive Recommendation Machine, adapted to single candidates.

    A global encoder, a GRU, gives its last state; a local one, another GRU, its states,
    summed by how much each has to do with that last state. Both together are projected
    and compared with the candidate. A history is read once a request; a candidate costs
    no more than the MLP.

    Args:
        schema: The schema, with sizes and at least one sequence that shares a
            feature with the item.
        dim: Width of the embeddings.
        attention_units: Width of the hidden layer of the attention.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: Li et al., Neural Attentive Session-based Recommendation, CIKM 2017.
    Deviation: an MLP on user, item and their product by element, trained on labels, in
    place of a softmax over all items.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 16,
        attention_units: int = 32,
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
        self.attention_units = attention_units
        self.global_encoders, self.local_encoders = (
            {
                name: self._encoder(f"{name}_{part}", width, part == "local")
                for name, width in self.widths.items()
            }
            for part in ("global", "local")
        )
        self.attentions = {
            name: AdditivePooling(
                attention_units,
                seed=seed,
                dtype=self.dtype_policy,
                name=f"{name}_attention",
            )
            for name in self.widths
        }
        self.decoders = {
            name: self._dense(f"{name}_decoder", width)
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
        last = self.global_encoders[sequence](events, events_mask=events_mask)
        states = self.local_encoders[sequence](events, events_mask=events_mask)
        local = self.attentions[sequence](last, states, events_mask=events_mask)
        both = ops.concatenate([last, local], axis=-1)
        return {"interest": self.decoders[sequence](both)}

    def interests(
        self, sequence: str, history: Mapping[str, Tensor], candidates: Tensor
    ) -> list[Tensor]:
        return [spread(history["interest"], candidates)]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "attention_units": self.attention_units}

    def _encoder(self, name: str, width: int, return_sequences: bool) -> EventGRU:
        # Seeds follow from names of weights, which are the same in both encoders.
        return EventGRU(
            width,
            return_sequences=return_sequences,
            seed=derived_seed(self.seed, name),
            dtype=self.dtype_policy,
            name=name,
        )
