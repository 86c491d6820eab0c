"""DFGR: ranking by events and their actions, trained at every event in one pass."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfctr.features import FeatureSchema
from tfctr.layers import DualFlowBlock, HSTUSettings
from tfctr.layers.sequence.flow_pairs import past_pairs, prefix_pairs
from tfctr.models.sequence_ranker import SequenceRanker
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["DFGR"]


@serializable
class DFGR(SequenceRanker):
    """Dual-flow generative ranker: one pass over a user trains on all of its events.

    Real tokens hold what happened, fake ones a placeholder; a fake token sees the real
    ones before it and itself, as a candidate does that stands behind a history. So
    what is trained is what serves, and no event sees its own label. In requests the
    history is read once, and its keys and values serve all candidates.

    An event is compared with the item on the features that both have, by name and
    meaning; those of the item that events lack are not read. Features that events have
    beside are known only afterwards, and part of the real token alone.

    Args:
        schema: The schema, with sizes and a sequence that shares a feature with the
            item. Where it has no `action`, all events have the same one.
        dim: Width of the tokens.
        num_blocks: Number of blocks.
        preset: `research`, `ranking` or `softmax`; see `tfctr.layers.HSTUSettings`.
        settings: Fields of `HSTUSettings` that differ from those of the preset, for
            example `{"num_heads": 4, "diagonal": "none"}`.
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

    Call arguments:
        inputs: Encoded tensors `(batch, ...)` by name; or without those of the item,
            and with sequences `(batch, events)` of any length: see `SequenceRanker`.
        training: Whether dropout is on.

    Returns:
        Dict label -> float32 logits `(batch,)`, or `(batch, events)`.

    Source: Guo et al., DFGR, arXiv 2505.16752. Deviations: docs/methods/dfgr.md.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int = 32,
        num_blocks: int = 2,
        preset: str = "research",
        settings: Mapping[str, Any] | None = None,
        embedding_dim: int = 16,
        hidden_units: Sequence[int] = (64,),
        sequence: str | None = None,
        session: str | None = None,
        context: bool = True,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            schema,
            dim=dim,
            embedding_dim=embedding_dim,
            hidden_units=hidden_units,
            sequence=sequence,
            session=session,
            context=context,
            seed=seed,
            **kwargs,
        )
        self.num_blocks = num_blocks
        self.preset = preset
        self.settings = None if settings is None else dict(settings)
        # One number in training and serving, which no length of a batch changes.
        longest = {"divisor": float(self.events.max_length)}
        made = HSTUSettings.of(preset, {**longest, **(settings or {})})
        self.blocks = [
            DualFlowBlock(
                made, seed=seed + place, dtype=self.dtype_policy, name=f"block_{place}"
            )
            for place in range(num_blocks)
        ]

    def read(
        self, tokens: Tensor, times: Tensor | None, training: bool
    ) -> dict[str, Tensor]:
        for block in self.blocks:
            if not block.built:
                block.build(tokens.shape)
        state: dict[str, Tensor] = {}
        pairs = past_pairs(tokens, times, self.blocks[0].last_bucket)
        last = len(self.blocks) - 1
        for place, block in enumerate(self.blocks):
            if place < last:
                tokens, keys, values = block.read(tokens, pairs, training)
            else:
                keys, values = block.keys_values(tokens)
            state |= {f"keys_{place}": keys, f"values_{place}": values}
        return state

    def ask(self, state: Mapping[str, Tensor], fake: Tensor, training: bool) -> Tensor:
        pairs = prefix_pairs(
            state["length"][:, None],
            state.get("request_time"),
            state.get("times"),
            self.blocks[0].last_bucket,
        )
        for place, block in enumerate(self.blocks):
            keys, values = state[f"keys_{place}"], state[f"values_{place}"]
            fake = block.candidates(fake, keys, values, pairs, training)
        return fake

    def ask_each(
        self,
        tokens: Tensor,
        fake: Tensor,
        visible: Tensor,
        times: tuple[Tensor | None, Tensor | None],
        training: bool,
    ) -> Tensor:
        last_bucket = self.blocks[0].last_bucket
        real_pairs = past_pairs(tokens, times[0], last_bucket)
        fake_pairs = prefix_pairs(visible, times[1], times[0], last_bucket)
        for block in self.blocks[:-1]:
            tokens, fake = block.both(tokens, fake, real_pairs, fake_pairs, training)
        # What the real flow would give behind the last block, nobody reads.
        block = self.blocks[-1]
        keys, values = block.keys_values(tokens)
        return block.candidates(fake, keys, values, fake_pairs, training)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_blocks": self.num_blocks,
            "preset": self.preset,
            "settings": self.settings,
        }
