"""What rankers of several modalities have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfctr import kernels
from tfctr.features import FeatureSchema, Timestamp
from tfctr.layers import (
    EmbeddingCollection,
    ModalProjection,
    TargetAttention,
)
from tfctr.layers.sequence.events import RealEvents
from tfctr.models.compared_history import event_columns
from tfctr.models.modalities import (
    attended,
    history_of,
    modalities_of,
    pooled,
    projected,
    vectors_of,
    without_modalities,
)
from tfctr.models.request_form import split_roles
from tfctr.models.vector_tables import VectorTables
from tfctr.seeds import derived_seed, glorot
from tfctr.types import Tensor

__all__ = ["ModalRanker"]


class ModalRanker(VectorTables):
    """Interests by modality; a subclass writes what is made of them.

    Modalities are the id, vectors that both items and events of the history have
    (`Vector` features), and tables of vectors by item (`tables`). For each the interest
    is the candidate's attention to the history. A missing vector has a learnt stand-in,
    so any subset of modalities may come in a request.

    Args:
        schema: The schema, with sizes; a history has the item's id.
        modalities: Which of them to take; all by default, `()` for the id alone. Those
            that are not taken have no say at all.
        tables: Width of each table by its name: see `load_vectors`, without which the
            model is neither trained nor asked nor exported.
        train_tables: Whether training changes the vectors of tables; those that are
            missing stay so.
        history: Name of the sequence; the first one with the item's id by default.
        dim: Width of embeddings and modalities.
        attention_units: Widths of the scoring MLP of each modality's attention.
        joint_attention: Whether one attention sees all modalities of an event side by
            side, as DIN does; else each modality has its own.
        hidden_units: Widths of the last MLP.
        dropout: Share of units dropped in it in training.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.

    Attributes:
        modality_names: `"id"`, then the modalities in their order.

    Returns:
        Dict label -> float32 logits `(batch,)`.
    """

    takes_heads = False

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        modalities: Sequence[str] | None = None,
        tables: Mapping[str, int] | None = None,
        train_tables: bool = False,
        history: str | None = None,
        dim: int = 16,
        attention_units: Sequence[int] = (32, 16),
        joint_attention: bool = False,
        hidden_units: Sequence[int] = (128, 64),
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            schema, tables=tables, train_tables=train_tables, seed=seed, **kwargs
        )
        self.modalities = None if modalities is None else list(modalities)
        self.history_name, self.joint_attention = history, joint_attention
        self.dim, self.attention_units = dim, list(attention_units)
        self.hidden_units, self.dropout = list(hidden_units), dropout
        self.make_trackers([])
        events = history_of(self.schema, history)
        names = modalities_of(self.schema, events, self.tables, self.modalities)
        self.modality_names = ["id", *names]
        self._prefix = f"{events.name}_"
        vectors = vectors_of(self.schema, events)
        plain = without_modalities(self.schema, events, vectors)
        self._event_fields = [
            f"{self._prefix}{feature.name}"
            for feature in events.features
            if feature.name not in vectors and not isinstance(feature, Timestamp)
        ]
        self.embeddings = EmbeddingCollection(
            plain, dim, seed=seed, dtype=self.dtype_policy, name="embeddings"
        )
        self._make_modalities()

    def fuse(
        self, found: Mapping[str, Tensor], training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits of pairs, and what losses of training are made of.

        Args:
            found: `candidates` and `interests` `(rows, modalities, dim)`, the id first;
                `fields` `(rows, width)`: embeddings of user and item side by side.
            training: Whether dropout and noise are on.

        Returns:
            `(rows, labels)`, and tensors `(rows, ...)` by name, none outside training.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    # Pairs and requests ------------------------------------------------------------

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        if kernels.is_xla():  # whose shapes are static
            return self._as_request(inputs, training)
        logits, own = self.fuse(self._pairs(inputs), training)
        return {**self._by_label(logits), **(own if training else {})}

    def call_requests(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        user, items = split_roles(self.schema, inputs)
        state = self.encode_user(user, training=training)
        logits, own = self.fuse(self.interests(state, items), training)
        outer = ops.shape(items[str(self.schema.item_id)])[:2]
        outputs = {**self._by_label(logits), **(own if training else {})}
        return {
            name: ops.reshape(value, (*outer, *ops.shape(value)[1:]))
            for name, value in outputs.items()
        }

    def encode_user(
        self, user_inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        columns = self.schema.encoded_columns(["user", "context", "sequence"])
        known = {c.name: user_inputs[c.name] for c in columns}
        fields, events = self.embeddings.stacked(known)
        joined = ops.concatenate([events[n] for n in self._event_fields], axis=-1)
        by_id = self.event_projection(joined)
        modal = self._modal(known, self._prefix)
        return {
            "user": ops.reshape(fields, (-1, fields.shape[-2] * self.dim)),
            "events": ops.concatenate([by_id, *modal], axis=-1),
            "mask": self.embeddings.mask(self._prefix[:-1], known),
        }

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        logits, _ = self.fuse(self.interests(state, items), training)
        outer = ops.shape(items[str(self.schema.item_id)])[:2]
        return self._by_label(ops.reshape(logits, (*outer, len(self.label_names))))

    def interests(
        self, state: Mapping[str, Tensor], items: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """What `fuse` takes, of the candidates of requests.

        Args:
            state: What `encode_user` gave.
            items: Encoded item tensors `(batch, candidates, ...)` by name.
        """
        columns = self.schema.encoded_columns(["item"])
        items = {c.name: items[c.name] for c in columns}
        fields, _ = self.embeddings.stacked(items)  # (batch, candidates, fields, dim)
        batch, count, num_fields, _ = ops.shape(fields)
        flat = ops.reshape(fields, (batch, count, num_fields * self.dim))
        own = [self.candidate_projection(flat), *self._modal(items, "")]
        found = attended(self.attentions, own, state["events"], state["mask"])
        user = ops.repeat(ops.expand_dims(state["user"], 1), count, axis=1)
        pairs = ops.concatenate([user, flat], axis=-1)
        rows = (batch * count, len(own), self.dim)
        return {
            "candidates": ops.reshape(ops.stack(own, axis=2), rows),
            "interests": ops.reshape(ops.stack(found, axis=2), rows),
            "fields": ops.reshape(pairs, (batch * count, pairs.shape[-1])),
        }

    def _as_request(
        self, inputs: Mapping[str, Tensor], training: bool
    ) -> dict[str, Tensor]:
        columns = self.schema.encoded_columns(["item"])
        items = {c.name: ops.expand_dims(inputs[c.name], 1) for c in columns}
        outputs = self.call_requests({**inputs, **items}, training=training)
        return {name: value[:, 0] for name, value in outputs.items()}

    def _pairs(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What `fuse` takes, of pairs, at the cost of the real events."""
        layout = RealEvents(self.embeddings.mask(self._prefix[:-1], inputs))
        own = [c.name for c in event_columns(self.schema, self._prefix[:-1])]
        known = layout.select_all({name: inputs[name] for name in own})
        plain = self.embeddings.fields(("user", "context", "item"))
        fields, events = self.embeddings.stacked(
            {**{name: inputs[name] for name in plain}, **known}
        )
        first = fields.shape[-2] - len(self.embeddings.stacked_fields(["item"]))
        items = fields[:, first:]
        flat = ops.reshape(items, (-1, items.shape[-2] * self.dim))
        candidates = [self.candidate_projection(flat), *self._modal(inputs, "")]
        joined = kernels.concat([events[name] for name in self._event_fields])
        parts = [self.event_projection(joined), *self._modal(known, self._prefix)]
        return {
            "candidates": ops.stack(candidates, axis=1),
            "interests": ops.stack(
                pooled(self.attentions, candidates, parts, layout), axis=1
            ),
            "fields": ops.reshape(fields, (-1, fields.shape[-2] * self.dim)),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "modalities": self.modalities,
            "history": self.history_name,
            "dim": self.dim,
            "attention_units": self.attention_units,
            "joint_attention": self.joint_attention,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
        }

    # Parts -------------------------------------------------------------------------

    def _make_modalities(self) -> None:
        policy = self.dtype_policy
        for name in ("candidate_projection", "event_projection"):
            layer = keras.layers.Dense(
                self.dim,
                kernel_initializer=glorot(self.seed, name),
                dtype=policy,
                name=name,
            )
            setattr(self, name, layer)
        self.attentions = [
            TargetAttention(
                hidden_units=self.attention_units,
                normalization="softmax",
                seed=derived_seed(self.seed, f"{name}_attention"),
                dtype=policy,
                name=f"{name}_attention",
            )
            for name in (["joint"] if self.joint_attention else self.modality_names)
        ]
        self.projections = {
            name: ModalProjection(
                self.dim,
                seed=derived_seed(self.seed, f"{name}_modality"),
                dtype=policy,
                name=f"{name}_modality",
            )
            for name in self.modality_names[1:]
        }
        self.make_vector_tables(self.projections)

    def _modal(self, inputs: Mapping[str, Tensor], prefix: str) -> list[Tensor]:
        """Projected vectors of each modality but the id, `(batch, ..., dim)`."""
        ids = inputs[f"{prefix}{self.schema.item_id}"]
        tables = self.vector_tables
        return [
            projected(tables[name], projection, ids)
            if name in tables
            else projection(inputs[f"{prefix}{name}"])
            for name, projection in self.projections.items()
        ]
