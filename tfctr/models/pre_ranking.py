"""The contract of models whose items are encoded offline."""

from collections.abc import Mapping

from tfctr.models.base import RankingModel
from tfctr.types import Tensor

__all__ = ["PreRankingModel"]


class PreRankingModel(RankingModel):
    """A ranking model whose item side can be computed offline and stored."""

    def encode_items(self, items: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What to store for each item.

        Args:
            items: Encoded item tensors `(items, ...)` by name.

        Returns:
            Tensors `(items, ...)` by name, among them `vector`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def score_stored(
        self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Scores candidates by what is stored of them.

        Args:
            state: What `encode_user` gave for the requests.
            stored: What `encode_items` gave, `(batch, candidates, ...)`.

        Returns:
            Dict label -> float32 logits `(batch, candidates)`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")
