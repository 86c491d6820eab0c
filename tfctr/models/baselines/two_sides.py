"""Models in which user and item meet only after each was encoded on its own."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.features import FeatureSchema
from tfctr.layers import PooledEmbeddings
from tfctr.models.pre_ranking import PreRankingModel
from tfctr.types import Tensor

__all__ = ["SIDES", "TwoSides", "flat"]

SIDES: dict[str, tuple[str, ...]] = {
    "user": ("user", "context", "sequence"),
    "item": ("item",),
}


class TwoSides(PreRankingModel):
    """A model of two sides: a subclass encodes each, and compares them.

    It writes `encode_side` (the fields of one side to a vector) and `compare` (the
    vectors of both to logits). What is stored of an item is its side's vector.

    Args:
        schema: The schema, with sizes.
        dim: Width of the embeddings.
        seed: Seed of the initial values.
        **kwargs: `name` and `dtype`, passed to `keras.Model`.
    """

    def __init__(
        self,
        schema: FeatureSchema | Mapping[str, Any],
        *,
        dim: int,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(schema, seed=seed, **kwargs)
        self.dim = dim
        self.embeddings = PooledEmbeddings(
            self.schema, dim, seed=seed, dtype=self.dtype_policy, name="embeddings"
        )

    def encode_side(self, side: str, fields: Tensor, training: bool) -> Tensor:
        """Float32 vectors `(..., width)` of one side.

        Args:
            side: `"user"` or `"item"`.
            fields: `(..., fields, dim)`, their embeddings in the order of
                `side_fields(side)`.
            training: Whether dropout is on.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def compare(self, user: Tensor, item: Tensor) -> Tensor:
        """Logits `(..., labels)` of vectors whose leading axes broadcast.

        Args:
            user: `(..., width)`.
            item: `(..., width)`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def side_fields(self, side: str) -> list[str]:
        """Names of the fields of a side."""
        return self.embeddings.fields(SIDES[side])

    def embed(
        self, inputs: Mapping[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        vectors = {}
        for side in SIDES:
            names = self.side_fields(side)
            if all(name in inputs for name in names):
                fields = self.embeddings({name: inputs[name] for name in names})
                vectors[side] = self.encode_side(side, fields, training)
        return vectors

    def interact(
        self, embedded: Mapping[str, Tensor], training: bool = False
    ) -> Tensor:
        return self.compare(embedded["user"], embedded["item"])

    def score(
        self,
        state: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        training: bool = False,
    ) -> dict[str, Tensor]:
        vectors = self.embed(items, training=training)["item"]
        return self.score_stored(state, {"vector": vectors})

    def encode_items(self, items: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"vector": self.embed(items)["item"]}

    def score_stored(
        self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        user = ops.expand_dims(state["user"], 1)
        return self._by_label(self.compare(user, stored["vector"]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dim": self.dim}


def flat(fields: Tensor) -> Tensor:
    """Fields `(..., fields, dim)` side by side."""
    return ops.reshape(
        fields, (*ops.shape(fields)[:-2], fields.shape[-2] * fields.shape[-1])
    )
