"""What models have in common that read histories in their order."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfctr import kernels
from tfctr.errors import InputError
from tfctr.features import FeatureSchema
from tfctr.layers import MLP, EmbeddingCollection
from tfctr.models.base import RankingModel
from tfctr.models.compared_history import compared_histories, make_projections
from tfctr.models.towers import make_output
from tfctr.seeds import glorot
from tfctr.types import Tensor

__all__ = ["SequentialModel", "check_times", "spread"]


class SequentialModel(RankingModel):
    """Base of models that encode each history in order, once a request.

    An event is what it shares with the item (by name), plus a projection of its other
    features; a candidate is the same features of the item. A subclass writes
    `encode_history` (a history to what depends on it alone) and `interests` (that and
    the candidates to vectors). The MLP sees user, item, each interest, and where it is
    as wide as the candidate its product with the candidate.

    Attributes:
        widths: Width of the events of each sequence, by its name.
        markers: Name of the column that marks the real events of each sequence.

    Args:
        schema: The schema, with sizes and at least one sequence that shares a
            feature with the item.
        dim: Width of the embeddings.
        hidden_units: Widths of the MLP.
        dropout: Dropout in the MLP.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.
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
        super().__init__(schema, seed=seed, **kwargs)
        self.dim = dim
        self.hidden_units = list(hidden_units)
        self.dropout = dropout
        self._histories = compared_histories(self.schema)
        self.widths = {n: dim * len(h.shared) for n, h in self._histories.items()}
        self.markers = {
            s.name: f"{s.name}_{s.features[0].name}" for s in self.schema.sequences
        }
        policy = self.dtype_policy
        self.embeddings = EmbeddingCollection(
            self.schema, dim, seed=seed, dtype=policy, name="embeddings"
        )
        self.projections = make_projections(self, self._histories, dim)
        self.mlp = MLP(
            self.hidden_units, dropout=dropout, seed=seed, dtype=policy, name="mlp"
        )
        self.output_layer = make_output(self)

    # To be written by each model ---------------------------------------------------

    def encode_history(
        self,
        sequence: str,
        events: Tensor,
        events_mask: Tensor,
        inputs: Mapping[str, Tensor],
        training: bool,
    ) -> dict[str, Tensor]:
        """What depends on one history alone, batch axis first, by any names.

        Args:
            sequence: Name of the history.
            events: `(batch, time, widths[sequence])`.
            events_mask: `(batch, time)` booleans, `True` where an event is real.
            inputs: Encoded columns of user, context and histories.
            training: Whether the model is being trained.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def interests(
        self, sequence: str, history: Mapping[str, Tensor], candidates: Tensor
    ) -> list[Tensor]:
        """Vectors `(batch, candidates, width)` of one history.

        Args:
            sequence: Name of the history.
            history: What `encode_history` gave.
            candidates: `(batch, candidates, widths[sequence])`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def times(
        self, sequence: str, events_mask: Tensor, inputs: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """int64 seconds of events, `(batch, time)`, and of the request, `(batch, 1)`.

        Missing times, and all times of what declares none, are -1.

        Args:
            sequence: Name of the history.
            events_mask: `(batch, time)` booleans.
            inputs: Encoded columns of user, context and histories.
        """
        unknown = ops.full_like(ops.cast(events_mask, "int64"), -1)
        declared = {s.name: s.timestamp for s in self.schema.sequences}[sequence]
        request = ops.full((ops.shape(unknown)[0], 1), -1, "int64")
        if self.schema.timestamp is not None:
            request = ops.expand_dims(inputs[self.schema.timestamp], -1)
        if declared is None:
            return unknown, request
        return inputs[f"{sequence}_{declared.name}"], request

    # Pointwise and request form ----------------------------------------------------

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
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
        roles = ("user", "context", "sequence")
        columns = self.schema.encoded_columns(roles)
        known = {column.name: user_inputs[column.name] for column in columns}
        masks = {name: self.embeddings.mask(name, known) for name in self._histories}
        if not kernels.is_xla():  # whose shapes are static
            for name, mask in masks.items():
                end = _longest(mask)
                masks[name] = mask[:, :end]
                for column in columns:
                    if column.sequence is not None and column.sequence.name == name:
                        known[column.name] = known[column.name][:, :end]
        fields, event_fields = self.embeddings.stacked(known)
        state = {"user": ops.reshape(fields, (-1, fields.shape[-2] * self.dim))}
        for name, mask in masks.items():
            own = self._histories[name]
            events = own.events(event_fields, self.projections.get(name))
            history = self.encode_history(name, events, mask, known, training)
            state |= {f"{name}/{key}": value for key, value in history.items()}
        return state

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        fields, _ = self.embeddings.stacked(items)  # (batch, candidates, fields, dim)
        batch, count, num_fields, _ = ops.shape(fields)
        parts = [
            spread(state["user"], fields),
            ops.reshape(fields, (batch, count, num_fields * self.dim)),
        ]
        names = self.embeddings.stacked_fields(["item"])
        for name, own in self._histories.items():
            candidates = own.candidates(names, fields)
            start = f"{name}/"
            history = {
                key.removeprefix(start): value
                for key, value in state.items()
                if key.startswith(start)
            }
            for interest in self.interests(name, history, candidates):
                parts.append(interest)
                if interest.shape[-1] == candidates.shape[-1]:
                    parts.append(interest * candidates)
        hidden = self.mlp(ops.concatenate(parts, axis=-1), training=training)
        return self._by_label(self.output_layer(hidden))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
        }

    def _dense(self, name: str, units: int) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            use_bias=False,
            kernel_initializer=glorot(self.seed, name),
            dtype=self.dtype_policy,
            name=name,
        )


def check_times(schema: FeatureSchema) -> None:
    """Refuses a schema without times of requests, or of events.

    Args:
        schema: The schema.

    Raises:
        InputError: One of them is not declared.
    """
    if schema.timestamp is None:
        raise InputError(
            "timestamp", received="none", expected="the name of the request's time"
        )
    if not any(sequence.timestamp for sequence in schema.sequences):
        raise InputError(
            "sequences",
            received="none with a timestamp",
            expected="times of the events of a history",
        )


def spread(vectors: Tensor, candidates: Tensor) -> Tensor:
    """`(batch, width)` to `(batch, candidates, width)`, the same for each candidate.

    Args:
        vectors: `(batch, width)`.
        candidates: `(batch, candidates, ...)`.
    """
    batch, count = ops.shape(candidates)[:2]
    shape = (batch, count, vectors.shape[-1])
    return ops.broadcast_to(ops.expand_dims(vectors, 1), shape)


def _longest(mask: Tensor) -> Tensor:
    """Number of steps up to the last real event of the batch."""
    places = ops.arange(1, ops.shape(mask)[1] + 1)
    return ops.max(ops.where(mask, places, 0), initial=0)
