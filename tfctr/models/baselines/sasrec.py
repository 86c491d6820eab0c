"""SASRec: a causal transformer over the history, and the candidate beside it."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import CausalSoftmaxBlock, EmbeddingTable
from tfctr.models.event_sequence import When
from tfctr.models.sequence_ranker import SequenceRanker
from tfctr.saving import serializable
from tfctr.seeds import normal
from tfctr.types import Tensor

__all__ = ["SASRec"]


@serializable
class SASRec(SequenceRanker):
    """Self-attentive sequential recommendation, as a ranker.

    A causal transformer with learned positions reads the events; a candidate meets its
    last state, in an MLP of both and their product. So a candidate costs no attention,
    and one pass over a user gives every event the state behind those it may know.

    Args:
        schema: The schema, with sizes and a sequence that shares a feature with the
            item.
        num_blocks: Number of blocks.
        num_heads: Number of heads.
        dropout: Dropout in the blocks.
        **kwargs: The other arguments of `SequenceRanker`: those of `DFGR` but
            `preset` and `settings`.

    Returns:
        Dict label -> float32 logits `(batch,)`, or `(batch, events)`.

    Source: Kang and McAuley, SASRec, ICDM 2018. Deviations: events carry their actions,
    and an MLP scores the candidate, where the paper takes a product.
    """

    has_placeholder = False

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        num_blocks: int = 2,
        num_heads: int = 2,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, **kwargs)
        self.num_blocks = num_blocks
        self.num_heads = num_heads
        self.dropout = dropout
        policy = self.dtype_policy
        self.places = EmbeddingTable(
            self.events.max_length + len(self.tokens.prefixes),
            self.dim,
            embeddings_initializer=normal(self.seed, "places", 0.1),
            dtype=policy,
            name="places",
        )
        self.blocks = [
            CausalSoftmaxBlock(
                num_heads,
                dropout=dropout,
                seed=self.seed + place,
                dtype=policy,
                name=f"block_{place}",
            )
            for place in range(num_blocks)
        ]

    def read(self, tokens: Tensor, when: When, training: bool) -> dict[str, Tensor]:
        last = ops.maximum(ops.expand_dims(when.length, 1) - 1, 0)
        return {"last": self._at(self._states(tokens, training), last)}

    def ask(self, state: Mapping[str, Tensor], fake: Tensor, training: bool) -> Tensor:
        last = ops.broadcast_to(state["last"], ops.shape(fake))
        return ops.concatenate([last, fake, last * fake], axis=-1)

    def ask_each(
        self,
        tokens: Tensor,
        fake: Tensor,
        visible: Tensor,
        times: tuple[Tensor | None, Tensor | None],
        training: bool,
    ) -> Tensor:
        last = self._at(self._states(tokens, training), ops.maximum(visible - 1, 0))
        return self.ask({"last": last}, fake, training)

    def candidate(self, content: Tensor) -> Tensor:
        return content

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_blocks": self.num_blocks,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
        }

    def _states(self, tokens: Tensor, training: bool) -> Tensor:
        steps = ops.arange(ops.shape(tokens)[1], dtype="int32")
        places = ops.minimum(steps, self.places.num_rows - 1)
        tokens = tokens + self.places(places)
        for block in self.blocks:
            tokens = block(tokens, training=training)
        return tokens

    def _at(self, states: Tensor, places: Tensor) -> Tensor:
        """`(batch, places, dim)` states at places."""
        shape = (*ops.shape(places), self.dim)
        places = ops.broadcast_to(ops.expand_dims(places, -1), shape)
        return ops.take_along_axis(states, places, axis=1)
