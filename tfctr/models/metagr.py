"""MetaGR: items and actions as tokens of their own, one after the other."""

from typing import Any

from keras import ops

from tfctr.layers.sequence.flow_pairs import Pairs, past_pairs, prefix_pairs
from tfctr.models.dfgr import DFGR
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["MetaGR"]


@serializable
class MetaGR(DFGR):
    """Meta's generative ranker as the paper of DFGR has it: interleaved tokens.

    A user is `(u, item_1, action_1, item_2, action_2, ...)`, twice as long as for
    `DFGR`; a candidate is an item token behind it, with no placeholder. Both tokens of
    an event stand at the same position. It is there to be measured against.

    Arguments and inputs are those of `DFGR`.

    On whole users the candidates stand beside the interleaved tokens, since events of
    equal time must not see each other's actions. `benchmarks/dual_flow_cost.py`
    measures the single sequence, which suffices where no two events tie.

    Source: Guo et al., DFGR, arXiv 2505.16752; Zhai et al., ICML 2024.
    """

    tokens_per_event = 2
    has_placeholder = False

    def event(self, content: Tensor, happened: Tensor) -> Tensor:
        batch, time, dim = ops.shape(content)
        pairs = ops.stack([content, happened], axis=2)
        return ops.reshape(pairs, (batch, 2 * time, dim))

    def candidate(self, content: Tensor) -> Tensor:
        return content

    def past(self, tokens: Tensor, times: Tensor | None) -> Pairs:
        pairs = past_pairs(tokens, times, self.blocks[0].last_bucket)
        places = self._places(pairs.places)
        return pairs._replace(places=places, key_places=places[0])

    def behind(
        self,
        visible: Tensor,
        num_keys: Any,
        times: Tensor | None,
        key_times: Tensor | None,
    ) -> Pairs:
        pairs = prefix_pairs(visible, times, key_times, self.blocks[0].last_bucket)
        keys = self._places(ops.arange(num_keys, dtype="int32"))
        return pairs._replace(places=self._places(pairs.places), key_places=keys)

    def _places(self, steps: Tensor) -> Tensor:
        """Positions of tokens, those of the user in front."""
        first = len(self.tokens.prefixes)
        return ops.where(steps < first, steps, first + (steps - first) // 2)
