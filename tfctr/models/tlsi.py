"""TLSI: long-term and short-term interests that depend on the moment."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr import kernels
from tfctr.features import FeatureSchema
from tfctr.layers import MLP, EmbeddingCollection, LongShortInterest
from tfctr.layers.sequence.interest_settings import InterestSettings
from tfctr.models.base import RankingModel
from tfctr.models.compared_history import make_projections
from tfctr.models.timed_history import (
    event_means,
    histories_of,
    request_time_of,
    without_padding,
)
from tfctr.models.towers import make_output
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["TLSI"]


@serializable
class TLSI(RankingModel):
    """Ranks by what users come back to, at which time of day and after which interval.

    Each sequence that has a timestamp gives a `LongShortInterest`: attention to events
    like the candidate and to events at a like time, attention to the states of a
    time-aware LSTM, and their gated mixture. An event is compared on the features that
    it shares with the item (by name); its others are projected and added. The time of
    a request is the schema's `timestamp`; calendar and clock of events are read in its
    zone. Histories are read once a request, whatever the number of candidates. The
    mean of a sequence without timestamp goes to the MLP.

    Args:
        schema: The schema, with sizes, the request's `timestamp`, and a sequence that
            has a timestamp and shares a feature with the item.
        variant: `full`, `L`, `L-c`, `L-t`, `S`, `F`, `wo-TP` or `longer`; see
            `tfctr.layers.InterestSettings`.
        preset: `default`, `paper` (the equations) or `author` (the authors' code).
        settings: Fields of `InterestSettings` that differ from those of the preset,
            for example `{"score": "bilinear", "time_encoding": "cyclic"}`.
        dim: Width of the embeddings.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Returns:
        Dict label -> float32 logits `(batch,)`.

    Source: TLSI, arXiv 2511.06213. Deviations: docs/methods/tlsi.md.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        variant: str = "full",
        preset: str = "default",
        settings: Mapping[str, Any] | None = None,
        dim: int = 16,
        hidden_units: Sequence[int] = (128, 64),
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.variant = variant
        self.preset = preset
        self.settings = None if settings is None else _plain(settings)
        self.dim = dim
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        policy = self.dtype_policy
        made = InterestSettings.of(preset, {"variant": variant, **(settings or {})})
        self.embeddings = EmbeddingCollection(
            self.schema, dim, seed=seed, dtype=policy, name="embeddings"
        )
        self._request_time, time_zone = request_time_of(self.schema)
        self._histories = histories_of(self.schema)
        self.interests = {
            name: LongShortInterest(
                made, time_zone=time_zone, seed=seed, dtype=policy, name=name
            )
            for name in self._histories
        }
        self.projections = make_projections(self, self._histories, dim)
        self.mlp = MLP(
            self.hidden_units, dropout=dropout, seed=seed, dtype=policy, name="mlp"
        )
        self.output_layer = make_output(self)

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        if not kernels.is_xla():  # whose shapes are static
            inputs = without_padding(self.schema, inputs)
        items = {
            column.name: ops.expand_dims(inputs[column.name], 1)
            for column in self.schema.encoded_columns(["item"])
        }
        state = self.encode_user(inputs, training=training)
        scores = self.score(state, items, training=training)
        return {name: logits[:, 0] for name, logits in scores.items()}

    def encode_user(
        self, user_inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        columns = self.schema.encoded_columns(["user", "context", "sequence"])
        known = {column.name: user_inputs[column.name] for column in columns}
        fields, event_fields = self.embeddings.stacked(known)
        user = [ops.reshape(fields, (-1, fields.shape[-2] * self.dim))]
        state: dict[str, Tensor] = {}
        for sequence in self.schema.sequences:
            mask = self.embeddings.mask(sequence.name, known)
            if sequence.name not in self._histories:
                user += event_means(self.schema, sequence.name, event_fields, mask)
                continue
            history = self._histories[sequence.name]
            found = self.interests[sequence.name].encode(
                history.events(event_fields, self.projections.get(sequence.name)),
                known[history.time],
                known[self._request_time],
                mask,
            )
            state |= {f"{sequence.name}/{key}": v for key, v in found.items()}
        return {"user": ops.concatenate(user, axis=-1), **state}

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        fields, _ = self.embeddings.stacked(items)  # (batch, candidates, fields, dim)
        batch, count, num_fields, _ = ops.shape(fields)
        user = ops.repeat(ops.expand_dims(state["user"], 1), count, axis=1)
        parts = [user, ops.reshape(fields, (batch, count, num_fields * self.dim))]
        names = self.embeddings.stacked_fields(["item"])
        for name, history in self._histories.items():
            candidates = history.candidates(names, fields)
            prefix = f"{name}/"
            own = {
                key.removeprefix(prefix): value
                for key, value in state.items()
                if key.startswith(prefix)
            }
            interests = self.interests[name].interests(candidates, own)
            parts.append(interests)
            if self.preset == "default":
                width = candidates.shape[-1]
                repeats = interests.shape[-1] // width
                parts.append(interests * ops.tile(candidates, (1, 1, repeats)))
        hidden = self.mlp(ops.concatenate(parts, axis=-1), training=training)
        return self._by_label(self.output_layer(hidden))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "variant": self.variant,
            "preset": self.preset,
            "settings": self.settings,
            "dim": self.dim,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
        }


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON gives them back: with lists."""
    return {n: list(v) if isinstance(v, tuple) else v for n, v in settings.items()}
