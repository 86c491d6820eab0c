"""HSTU as a ranker, in the additive layout of Meta's public code."""

import math
from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import EmbeddingTable
from tfctr.models.event_sequence import When
from tfctr.models.sfgr import SFGR
from tfctr.saving import serializable
from tfctr.seeds import normal
from tfctr.types import Tensor

__all__ = ["HSTU"]

SECONDS = 60.0  # of a minute
NUM_TIMES = 2048


@serializable
class HSTU(SFGR):
    """Hierarchical sequential transduction units, ranking behind a history.

    The token of an event is its content times the root of `dim`, plus its action, plus
    two vectors: for how many events stand between it and the candidate, and for the
    root of the minutes in between. A candidate has a placeholder for the action, the
    first of both vectors, and sees the history and itself. Blocks are those of the
    preset `ranking`, without pairwise biases.

    As both vectors say how far the candidate is, a history serves one moment only: on
    whole users every event reads its own copy, at the cost of `SFGR`. That is what
    `DFGR` is for; Meta's ranker trains on the last events of a user instead.

    Args:
        schema: The schema, with sizes and a sequence that shares a feature with the
            item.
        preset: As for `DFGR`.
        **kwargs: The other arguments of `DFGR`.

    Source: Zhai et al., Actions Speak Louder than Words, ICML 2024; the ranking layout
    of meta-recsys/generative-recommenders. Deviations: docs/methods/hstu.md.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        preset: str = "ranking",
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, preset=preset, **kwargs)
        longest = self.events.max_length + len(self.tokens.prefixes)
        self.places = self._table("places", longest + 1)
        self.moments = self._table("moments", NUM_TIMES + 1)

    def read(self, tokens: Tensor, when: When, training: bool) -> dict[str, Tensor]:
        steps = ops.arange(ops.shape(tokens)[1], dtype="int32")
        place = ops.expand_dims(when.length, 1) - steps
        tokens = tokens + self.places(ops.clip(place, 0, self.places.num_rows - 1))
        if when.times is not None and when.request_time is not None:
            seconds = ops.cast(when.request_time - when.times, "float32")
            bucket = ops.sqrt(ops.maximum(seconds, 0.0) / SECONDS)
            bucket = ops.cast(ops.minimum(bucket, float(NUM_TIMES)), "int32")
            known = (when.times >= 0) & (when.request_time >= 0)
            moments = self.moments(bucket)
            tokens = (
                tokens + ops.cast(ops.expand_dims(known, -1), moments.dtype) * moments
            )
        return super().read(tokens, when, training)

    def event(self, content: Tensor, happened: Tensor) -> Tensor:
        return super().event(content * math.sqrt(self.dim), happened)

    def candidate(self, content: Tensor) -> Tensor:
        now = ops.zeros((1, 1), "int32")
        fake = super().candidate(content * math.sqrt(self.dim)) + self.places(now)
        return fake + self.moments(now)

    def _table(self, name: str, num_rows: int) -> EmbeddingTable:
        return EmbeddingTable(
            num_rows,
            self.dim,
            embeddings_initializer=normal(self.seed, name, 0.1),
            dtype=self.dtype_policy,
            name=name,
        )
