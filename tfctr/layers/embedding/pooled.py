"""Embeddings with histories averaged, stacked for models that take all fields."""

from collections.abc import Iterable, Mapping
from typing import Any

from keras import ops

from tfctr.errors import InputError
from tfctr.features.packing import is_single
from tfctr.layers.embedding.collection import EmbeddingCollection
from tfctr.layers.sequence.events import Events, events_of
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["PooledEmbeddings", "joined"]


@serializable
class PooledEmbeddings(EmbeddingCollection):
    """Embeddings as one tensor; a history counts as the mean of its events.

    Padding is neither looked up nor trained, whatever its length.

    Args:
        schema: The schema, with sizes.
        dim: Width of the vectors.
        roles: Whose features to embed.
        only: Names of the columns to embed; all of the roles by default.
        stddev: Deviation of the tables' initial values, or one for each of `dim`.
        seed: Seed of the initial values; each table derives its own by name.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Encoded tensors by name, with any leading dimensions.

    Returns:
        `(..., fields, dim)` of the columns that are given, in the order of `fields`:
        those of user, context and history, then those of the item. An empty history
        gives zeros.
    """

    def fields(self, roles: Iterable[str] | None = None) -> list[str]:
        """Names of the fields of the given roles, in the order of the result."""
        return self.stacked_fields(roles)

    def sides(self, inputs: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
        """The result under a key that says which side of a pair it holds.

        Args:
            inputs: Encoded tensors of the user's side, the item's or both.
            name: What the result is called: the key is `user_<name>`, `item_<name>`
                or, of both sides, `<name>` alone. `joined` puts sides together.
        """
        sides = {c.role == "item" for c in self._columns if c.name in inputs}
        prefix = "" if len(sides) == 2 else "item_" if True in sides else "user_"
        return {f"{prefix}{name}": self(inputs)} if sides else {}

    def call(self, inputs: Mapping[str, Tensor]) -> Tensor:
        plain, histories = self._without_padding(inputs)
        blocks = [
            (names, histories[names[0]].mean(block) if names[0] in histories else block)
            for names, block in self._blocks(plain)
        ]
        scaled = {
            name: histories[name].mean(vector) if name in histories else vector
            for name, vector in self._scaled(plain).items()
        }
        return self._joined(self._parts(blocks, scaled))

    def places(self, inputs: Mapping[str, Tensor]) -> Tensor | None:
        """Rows of `table` that the result consists of, where it is nothing else.

        Args:
            inputs: As for a call.

        Returns:
            `(..., fields)`, or `None` where a field is a list, a history, a number or
            a vector, or has several rows.
        """
        given = [c for c in self._by_place.values() if c.name in inputs]
        if not given or not all(map(is_single, given)):
            return None
        lookups = self._lookups(inputs)
        is_plain = len(lookups) == 1 and not lookups[0].num_hashes
        return lookups[0].rows if is_plain else None

    def compute_output_shape(self, input_shape: Mapping[str, Any]) -> tuple[Any, ...]:
        shapes = super().compute_output_shape(input_shape)
        for name, shape in shapes.items():
            outer = shape[:-2] if self._by_place[name].sequence else shape[:-1]
            return (*outer, len(shapes), self.dim)
        raise InputError("inputs", received="no column", expected="a declared one")

    def _without_padding(
        self, inputs: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Events]]:
        """Inputs with histories as flat lists of events, and where these came from."""
        plain, histories = {}, {}
        for name, column in self._by_place.items():
            if name not in inputs:
                continue
            if column.sequence is None:
                plain[name] = inputs[name]
                continue
            sequence = column.sequence.name
            if sequence not in histories:
                histories[sequence] = events_of(self.mask(sequence, inputs))
            histories[name] = histories[sequence]
            plain[name] = histories[name].select(inputs[name])
        return plain, histories


def joined(embedded: Mapping[str, Tensor], name: str) -> Tensor:
    """Fields of user and item in one tensor: see `PooledEmbeddings.sides`."""
    if name in embedded:
        return embedded[name]
    sides = [embedded[f"{side}_{name}"] for side in ("user", "item")]
    return ops.concatenate(sides, axis=-2)
