"""Tokens of encoded histories, for models that take a set of embeddings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema, Sequence
from tfctr.layers import CausalEncoder, NextActionLoss, SoftmaxAttention
from tfctr.models.compared_history import event_columns
from tfctr.models.event_sequence import compacted, real_places
from tfctr.seeds import derived_seed
from tfctr.types import Tensor

__all__ = ["SequenceEncoding", "SequenceTokens"]

SUMMARIES = ("last", "mean", "target")


@dataclass(frozen=True)
class SequenceEncoding:
    """How the histories of a model are read.

    Args:
        num_layers: Blocks of the causal transformer of each history.
        num_heads: Heads of each block.
        dropout: Share that is dropped of what each block adds, in training.
        summaries: What becomes a token of each history: the state after the `"last"`
            event, the `"mean"` of all states, and attention of the candidate to them
            (`"target"`; histories that share a feature with the item).
        next_action_weight: Weight of the loss of telling the next events of each
            history (`tfctr.layers.NextActionLoss`); 0 leaves it out.
        horizon: How many events ahead that loss looks.
        num_negatives: Events that it draws; `None` takes all of a batch.

    Raises:
        InputError: A number is out of range, or there is no summary.
        UnknownName: A summary, or a key of `of`.
    """

    num_layers: int = 1
    num_heads: int = 2
    dropout: float = 0.0
    summaries: tuple[str, ...] = SUMMARIES
    next_action_weight: float = 0.0
    horizon: int = 1
    num_negatives: int | None = 255

    def __post_init__(self) -> None:
        object.__setattr__(self, "summaries", tuple(self.summaries))
        for name in self.summaries:
            if name not in SUMMARIES:
                raise UnknownName("summaries", name, SUMMARIES)
        if not self.summaries:
            raise InputError("summaries", received="none", expected="at least one")
        if not 0 <= self.next_action_weight < float("inf"):
            raise InputError(
                "next_action_weight",
                received=self.next_action_weight,
                expected="a number >= 0",
            )

    @classmethod
    def of(cls, given: "SequenceEncoding | Mapping[str, Any]") -> "SequenceEncoding":
        """The setting itself, or that of a mapping of its fields."""
        if not isinstance(given, Mapping):
            return given
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise UnknownName("sequences", name, known)
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """The setting in a form that JSON holds; `of` takes it back."""
        return {**asdict(self), "summaries": list(self.summaries)}


class SequenceTokens(keras.layers.Layer):
    """Reads one history once, and gives its tokens.

    The vector of an event is the sum of the embeddings of its features; that of what
    can be told before it happens is the sum of those that items have too (of the first
    feature alone if there are none). A candidate is compared by the latter.

    Args:
        schema: The schema, with sizes.
        sequence: The history.
        encoding: How it is read.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        schema: FeatureSchema,
        sequence: Sequence,
        encoding: SequenceEncoding,
        *,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.encoding, self.prefix = encoding, sequence.name
        items = [feature.name for feature in schema.item]
        names = [c.name for c in event_columns(schema, sequence.name)]
        self.shared = [f.name for f in sequence.features if f.name in items]
        self.shared = [n for n in self.shared if f"{self.prefix}_{n}" in names]
        self.marker = f"{self.prefix}_{sequence.features[0].name}"
        self.columns = names
        self.content = [f"{self.prefix}_{n}" for n in self.shared] or [self.marker]
        stamp = sequence.timestamp
        self.times = (
            (f"{self.prefix}_{stamp.name}", schema.timestamp)
            if stamp is not None and schema.timestamp is not None
            else None
        )
        self._make_layers(sequence.max_length, seed)

    def read(
        self,
        inputs: Mapping[str, Tensor],
        vectors: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        """What is known of the history, by name.

        Args:
            inputs: Encoded tensors of it, and the time of the request.
            vectors: `(batch, time, dim)` embeddings of its columns.
            training: Whether dropout is on.

        Returns:
            `states` and `content`, `(batch, time, dim)`, real events first; `ids`
            `(batch, time)` and `length` `(batch,)`.
        """
        ids = inputs[self.marker]
        places = real_places(ops.not_equal(ids, 0))
        events = compacted(sum(vectors[name] for name in self.columns), places)
        content = compacted(sum(vectors[name] for name in self.content), places)
        ages = None
        if self.times is not None:
            times = compacted(inputs[self.times[0]], places)
            ages = self.encoder.age_buckets(inputs[self.times[1]], times)
        states = self.encoder(events, places.count, ages, training=training)
        if self.next_action is not None and not self.next_action.built:
            # Only training calls it, yet an optimizer wants all weights before.
            self.next_action.build(states.shape, content.shape)
            self.next_action.built = True
        return {
            "states": states,
            "content": content,
            "ids": compacted(ids, places),
            "length": places.count,
        }

    def summaries(self, read: Mapping[str, Tensor]) -> list[Tensor]:
        """Tokens `(batch, dim)` that need no candidate; zeros without events.

        Args:
            read: What `read` gave.
        """
        states, length = read["states"], read["length"]
        real = ops.cast(self._real(read), "float32")
        tokens = []
        if "last" in self.encoding.summaries:
            steps = ops.arange(ops.shape(real)[1], dtype="int32")
            last = ops.cast(steps == ops.expand_dims(length - 1, 1), "float32")
            tokens.append(_weighted(states, last))
        if "mean" in self.encoding.summaries:
            count = ops.maximum(ops.cast(length, "float32"), 1.0)
            tokens.append(_weighted(states, real / ops.expand_dims(count, 1)))
        return tokens

    def targets(
        self, items: Mapping[str, Tensor], read: Mapping[str, Tensor]
    ) -> list[Tensor]:
        """Tokens `(batch, candidates, dim)` of each candidate.

        Args:
            items: `(batch, candidates, dim)` embeddings of item features by name.
            read: What `read` gave.
        """
        if self.attention is None:
            return []
        candidates = sum(items[name] for name in self.shared)
        states = read["states"]
        return [self.attention(candidates, states, states, self._real(read))]

    def next_action_loss(self, read: Mapping[str, Tensor]) -> Tensor:
        """The loss of telling next events, a mean over histories that have them.

        Args:
            read: What `read` gave.
        """
        if self.next_action is None:
            return ops.zeros(())
        parts = [read[name] for name in ("states", "content", "ids", "length")]
        losses = self.next_action(*parts, training=True)
        counts = ops.sum(ops.cast(read["length"] > 1, "float32"))
        return ops.sum(losses) / ops.maximum(counts, 1.0)

    def _make_layers(self, max_length: int, seed: int) -> None:
        encoding = self.encoding
        options: dict[str, Any] = {"dtype": self.dtype_policy}
        self.encoder = CausalEncoder(
            max_length,
            num_layers=encoding.num_layers,
            num_heads=encoding.num_heads,
            dropout=encoding.dropout,
            has_ages=self.times is not None,
            seed=derived_seed(seed, "encoder"),
            name=f"{self.prefix}_encoder",
            **options,
        )
        self.attention: SoftmaxAttention | None = None
        if "target" in encoding.summaries and self.shared:
            self.attention = SoftmaxAttention(
                score="bilinear",
                seed=derived_seed(seed, "attention"),
                name=f"{self.prefix}_attention",
                **options,
            )
        self.next_action: NextActionLoss | None = None
        if encoding.next_action_weight:
            self.next_action = NextActionLoss(
                horizon=encoding.horizon,
                num_negatives=encoding.num_negatives,
                seed=derived_seed(seed, "next_action"),
                name=f"{self.prefix}_next_action",
                **options,
            )

    @staticmethod
    def _real(read: Mapping[str, Tensor]) -> Tensor:
        steps = ops.arange(ops.shape(read["states"])[1], dtype="int32")
        return steps < ops.expand_dims(read["length"], 1)


def _weighted(states: Tensor, weights: Tensor) -> Tensor:
    weights = ops.expand_dims(ops.cast(weights, states.dtype), -1)
    # What stands at padding may be anything, so it is not only multiplied by 0.
    states = ops.where(weights > 0, states, ops.zeros_like(states))
    return ops.sum(states * weights, axis=1)
