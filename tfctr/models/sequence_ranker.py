"""What models share that read a user event by event."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfctr import kernels
from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema
from tfctr.layers import MLP
from tfctr.models.base import RankingModel
from tfctr.models.candidate_parts import in_parts
from tfctr.models.event_sequence import (
    EventSequence,
    Places,
    When,
    compacted,
    real_places,
    restored,
)
from tfctr.models.event_tokens import EventTokens
from tfctr.models.known_events import visible_events
from tfctr.seeds import glorot
from tfctr.types import Tensor

__all__ = ["SequenceRanker"]

MISSING_TIME = -1
MOST_CANDIDATES = 4096  # at a time: more would only need more memory


class SequenceRanker(RankingModel):
    """A model that reads one sequence of the user event by event.

    It takes three forms of input. Pointwise and in requests, the candidate stands
    behind the history. Without columns of the item, each example is a user with a
    sequence of any length, and each of its events is a candidate that stands behind
    those it may know; outputs, labels and weights are then `(batch, events)`.

    In the last form, `<sequence>_visible` `(batch, events)` says how many leading
    events each of them may know; without it, those that are strictly earlier.

    A subclass writes `read`, `ask` and `ask_each`.

    Args:
        schema: The schema, with sizes.
        dim: Width of the tokens.
        embedding_dim: Width of the embedding of a feature.
        hidden_units: Widths of the MLP on the last state of a candidate.
        sequence: Name of the sequence that is read; by default the first that shares
            a feature with the item. Others are not.
        session: Name of a feature of its events: those with the same value as their
            neighbours, of one page or visit, do not see each other.
        context: Whether the request's context is read, as a token in front. The form
            of whole users has none: train models for it with `False`.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.
    """

    tokens_per_event = 1
    has_placeholder = True

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 32,
        embedding_dim: int = 16,
        hidden_units: Sequence[int] = (64,),
        sequence: str | None = None,
        session: str | None = None,
        context: bool = True,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.dim = dim
        self.embedding_dim = embedding_dim
        self.hidden_units = list(hidden_units)
        self.sequence = sequence
        self.session = session
        self.context = context
        self.events = EventSequence.of(self.schema, sequence)
        self._session = self._session_column()
        self.tokens = EventTokens(
            self.schema,
            self.events,
            dim,
            embedding_dim,
            has_context=context,
            has_placeholder=self.has_placeholder,
            seed=seed,
            dtype=self.dtype_policy,
            name="tokens",
        )
        policy = self.dtype_policy
        self.final_norm = keras.layers.LayerNormalization(dtype=policy, name="norm")
        self.head = MLP(self.hidden_units, seed=seed, dtype=policy, name="head")
        first = {"kernel_initializer": glorot(seed, "output"), "dtype": "float32"}
        self.output_layer = keras.layers.Dense(self.heads.total, name="output", **first)

    # To be written by each model ---------------------------------------------------

    def read(self, tokens: Tensor, when: When, training: bool) -> dict[str, Tensor]:
        """What later tokens need to know of real ones, by name.

        Args:
            tokens: `(batch, time, dim)`, oldest first, those of the user in front.
            when: Their times, and what stands behind them.
            training: Whether dropout is on.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def ask(self, state: Mapping[str, Tensor], fake: Tensor, training: bool) -> Tensor:
        """`(batch, candidates, dim)` last states of candidates behind all that is real.

        Args:
            state: What `read` gave, and the parts of `When` that are known.
            fake: `(batch, candidates, dim)`.
            training: Whether dropout is on.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def ask_each(
        self,
        tokens: Tensor,
        fake: Tensor,
        visible: Tensor,
        times: tuple[Tensor | None, Tensor | None],
        training: bool,
    ) -> Tensor:
        """`(batch, places, dim)` last states of candidates behind some real tokens.

        Args:
            tokens: `(batch, time, dim)` real ones, as for `read`.
            fake: `(batch, places, dim)`.
            visible: `(batch, places)` int32: how many real tokens each sees.
            times: Seconds of both, or `None`.
            training: Whether dropout is on.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def event(self, content: Tensor, happened: Tensor) -> Tensor:
        """Real tokens `(batch, time * tokens_per_event, dim)` of events.

        Args:
            content: `(batch, time, dim)`.
            happened: `(batch, time, dim)`.
        """
        return content + happened

    def candidate(self, content: Tensor) -> Tensor:
        """`(batch, places, dim)` tokens of what has not happened yet.

        Args:
            content: `(batch, places, dim)`.
        """
        return content + self.tokens.unknown()

    # Forms -------------------------------------------------------------------------

    def call(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        if self.schema.item_id not in inputs:
            return self._each_event(inputs, training)
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
        events, request = self.events, None
        mask = ops.not_equal(user_inputs[events.marker], 0)
        if events.time is not None and events.request_time is not None:
            request = ops.cast(user_inputs[events.request_time], "int64")[:, None]
            times = ops.cast(user_inputs[events.time], "int64")
            mask = mask & ((times < request) | (times < 0) | (request < 0))
        places = real_places(mask, events.max_length)
        inputs = {**user_inputs, **self._compacted(user_inputs, places)}
        tokens, times, _ = self._real(inputs)
        length = places.count * self.tokens_per_event + len(self.tokens.prefixes)
        when = When(length, times, request)
        return {**self.read(tokens, when, training), **when.known()}

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        shared = {name: items[name] for name in self.events.shared}
        fake = self.candidate(self.tokens.candidates(shared))

        def scored(part: Tensor) -> Tensor:
            return self._scored(self.ask(state, part, training), training)

        return self._by_label(in_parts(scored, fake, MOST_CANDIDATES))

    def _each_event(
        self, inputs: Mapping[str, Tensor], training: bool
    ) -> dict[str, Tensor]:
        mask = ops.not_equal(inputs[self.events.marker], 0)
        places = real_places(mask)
        packed = {**inputs, **self._compacted(inputs, places)}
        visible = visible_events(self.events, self._session, packed, inputs, places)
        tokens, times, content = self._real(packed, visible)
        first = len(self.tokens.prefixes)
        fake_times = packed[self.events.time] if self.events.time else None
        fake = self.candidate(content)
        visible = visible * self.tokens_per_event + first
        last = self.ask_each(tokens, fake, visible, (times, fake_times), training)
        logits = self._by_label(self._scored(last, training))
        return {name: restored(value, mask) for name, value in logits.items()}

    # Parts -------------------------------------------------------------------------

    def _real(
        self, inputs: Mapping[str, Tensor], visible: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """Real tokens with those of the user in front, their times, and the content.

        `visible` tells how many of the first events anybody sees: all by default.
        """
        columns = self.events.columns(self.schema)
        fields = self.tokens.embed(inputs)
        content = self.tokens.content(fields)
        known = content
        if visible is not None and not kernels.is_xla():
            stop = ops.max(ops.append(visible, 0))
            inputs = {n: v[:, :stop] if n in columns else v for n, v in inputs.items()}
            fields = {n: v[:, :stop] if n in columns else v for n, v in fields.items()}
            known = content[:, :stop]
        known = self.event(known, self.tokens.happened(fields, inputs))
        prefix = self.tokens.prefix(fields)
        tokens = ops.concatenate([*prefix, known], axis=1)
        if self.events.time is None:
            return tokens, None, content
        times = ops.cast(inputs[self.events.time], "int64")
        times = ops.repeat(times, self.tokens_per_event, axis=1)
        times = ops.pad(times, [(0, 0), (len(prefix), 0)], constant_values=MISSING_TIME)
        return tokens, times, content

    def _scored(self, last: Tensor, training: bool) -> Tensor:
        """`(batch, places, labels)` float32 logits of last states."""
        return self.output_layer(self.head(self.final_norm(last), training=training))

    def _compacted(
        self, inputs: Mapping[str, Tensor], places: Places
    ) -> dict[str, Tensor]:
        names = self.events.columns(self.schema)
        return {name: compacted(inputs[name], places) for name in names}

    def _session_column(self) -> str | None:
        if self.session is None:
            return None
        name, columns = self.session, self.events.columns(self.schema)
        column = f"{self.events.name}_{name}"
        if column not in columns:
            raise UnknownName("session", column, columns)
        return column

    # Keras -------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "embedding_dim": self.embedding_dim,
            "hidden_units": self.hidden_units,
            "sequence": self.sequence,
            "session": self.session,
            "context": self.context,
        }

    def _check_inputs(self, inputs: Mapping[str, Tensor]) -> None:
        self.events.check_actions(inputs)
        if self.schema.item_id in inputs:
            super()._check_inputs(inputs)
            return
        if "context" in self.tokens.prefixes:
            raise InputError(
                "context",
                received="users without candidates, so without a request",
                expected="a model without context",
                hint="Make it with `context=False`.",
            )
        wanted = [c.name for c in self.schema.encoded_columns(["user"])]
        for name in [*wanted, *self.events.columns(self.schema)]:
            if name not in inputs:
                raise UnknownName(f"input {name}", name, inputs)
