"""Items drawn evenly, as negatives of all positives of a batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema
from tfctr.types import Tensor

__all__ = ["RandomItems"]

# Evaluation weighs all batches against the same items.
EVALUATION_SEED = (17, 23)


class RandomItems:
    """Draws encoded items: of a catalogue, or of the vocabulary of a single id.

    Args:
        schema: The schema, with sizes.
        features: Names of the item features.
        seed: Seed of the draws.
    """

    def __init__(
        self, schema: FeatureSchema, features: Sequence[str], seed: int
    ) -> None:
        self.features = list(features)
        self.seeds = keras.random.SeedGenerator(seed)
        self._items: dict[str, Any] | None = None
        feature: Any = schema.column(self.features[0]).feature
        vocabulary = schema.vocabulary(feature.vocabulary)
        self._has_rows = len(self.features) == 1 and not vocabulary.is_fingerprinted
        is_hashed = vocabulary.num_hash_buckets is not None
        self._first = 1 if is_hashed else 1 + vocabulary.num_oov
        self._stop = schema.size(vocabulary.name)

    @property
    def count(self) -> int:
        """Number of items that are drawn from."""
        if self._items is None:
            return self._stop - self._first
        return len(self._items[self.features[0]])

    def set(self, items: Mapping[str, Any]) -> None:
        """Takes a catalogue.

        Args:
            items: Encoded item features `(items, ...)` by name.
        """
        for name in self.features:
            if name not in items:
                raise UnknownName(f"item feature {name}", name, items)
        arrays = {name: np.asarray(items[name]) for name in self.features}
        rows = {len(array) for array in arrays.values()}
        if len(rows) > 1 or 0 in rows:
            raise InputError(
                "items",
                received={name: len(array) for name, array in arrays.items()},
                expected="as many rows of each feature, at least one",
            )
        self._items = {name: tf.constant(array) for name, array in arrays.items()}

    def check(self) -> None:
        """Refuses to draw where it is not known what items there are."""
        if self._items is None and not self._has_rows:
            raise InputError(
                "num_random_negatives",
                received=f"items with features {self.features} and no catalogue",
                expected="a call of `set_items`, with a row for each item",
                hint="Without one, only rows of a single id can be drawn.",
            )
        if self.count < 1:
            raise InputError(
                "num_random_negatives",
                received="a vocabulary without values",
                expected="items to draw",
            )

    def draw(self, count: int, training: bool) -> dict[str, Tensor]:
        """Encoded features `(count, ...)` of items, with replacement.

        Args:
            count: How many.
            training: Whether draws differ from call to call.
        """
        self.check()
        seed = self.seeds.next() if training else EVALUATION_SEED
        places = tf.random.stateless_uniform(
            (count,), tf.cast(seed, tf.int32), 0, self.count, tf.int32
        )
        if self._items is None:
            return {self.features[0]: places + self._first}
        return {name: tf.gather(rows, places) for name, rows in self._items.items()}

    def joint_log_q(self, log_shares: Tensor, drawn: int) -> Tensor:
        """Logarithm of how many items of a batch and of what is drawn are given ones.

        Args:
            log_shares: `(items,)`: share of each item among positives; those of the
                batch, then those that were drawn.
            drawn: How many were drawn.
        """
        in_batch = tf.cast(tf.shape(log_shares)[0] - drawn, tf.float32)
        return tf.math.log(in_batch * tf.exp(log_shares) + drawn / self.count)
