"""States of a history's events, each made of itself and what came before it."""

from typing import Any

import keras
from keras import ops

from tfctr import kernels
from tfctr.errors import InputError
from tfctr.layers.sequence.causal_softmax_block import CausalSoftmaxBlock
from tfctr.layers.sequence.relative_bias import time_buckets
from tfctr.saving import serializable
from tfctr.seeds import derived_seed, normal
from tfctr.types import Shape, Tensor

__all__ = ["CausalEncoder"]

# exp(0.301 * 71) seconds are 60 years.
LAST_BUCKET = 71


@serializable
class CausalEncoder(keras.layers.Layer):
    """A causal transformer over a history: no event sees a later one.

    `x_t = e_t + place_(length - t) + age_bucket_t`, then `num_layers` times
    `CausalSoftmaxBlock`, then a layer normalization. Places are counted from the
    latest event, ages from the request; so neither depends on padding.

    Args:
        max_length: Number of places; events further back share the last one.
        num_layers: Number of blocks.
        num_heads: Heads of each; divides the width of the events.
        dropout: Share that is dropped of what each block adds.
        has_ages: Whether ages count.
        seed: Seed of initial values and dropout.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        events: `(batch, time, dim)` floats, oldest first, padding at the end.
        length: `(batch,)` integers: number of real events.
        ages: `(batch, time)` integers: buckets of the events' ages from -1 (not known)
            to `last_bucket`, as `age_buckets` makes them. Without, age counts nothing.
        training: Whether dropout is on.

    Returns:
        `(batch, time, dim)` in the compute dtype; what stands at padding means nothing.

    >>> encoder = CausalEncoder(7, has_ages=False)
    >>> tuple(encoder(ops.ones((2, 5, 4)), ops.array([5, 3])).shape)
    (2, 5, 4)

    Source: Zhuang et al., WWW 2025, and Pinterest Engineering, "Evolution of Ads
    Conversion Optimization Models at Pinterest", 2024: a transformer over a user's
    events with times; its details are not published, see docs/methods/dhen.md.
    """

    last_bucket = LAST_BUCKET

    def __init__(
        self,
        max_length: int,
        *,
        num_layers: int = 1,
        num_heads: int = 2,
        dropout: float = 0.0,
        has_ages: bool = True,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("max_length", max_length), ("num_layers", num_layers)):
            if value < 1:
                raise InputError(name, received=value, expected="at least 1")
        self.max_length, self.num_layers = max_length, num_layers
        self.num_heads, self.dropout, self.seed = num_heads, dropout, seed
        self.has_ages = has_ages
        policy = self.dtype_policy
        self.blocks = [
            CausalSoftmaxBlock(
                num_heads,
                dropout=dropout,
                seed=derived_seed(seed, f"block_{place}"),
                dtype=policy,
                name=f"block_{place}",
            )
            for place in range(num_layers)
        ]
        self.norm = keras.layers.LayerNormalization(dtype=policy, name="norm")

    def build(self, events_shape: Shape, *_: Any, **__: Any) -> None:
        width = events_shape[-1] or 1
        rows = {"places": self.max_length}
        if self.has_ages:
            rows["ages"] = 2 + LAST_BUCKET
        self.rows = {
            name: self.add_weight(
                name=name,
                shape=(count, width),
                initializer=normal(self.seed, name, 0.02),
                autocast=False,
            )
            for name, count in rows.items()
        }
        for layer in (*self.blocks, self.norm):
            layer.build((None, None, width))

    def call(
        self,
        events: Tensor,
        length: Tensor,
        ages: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        time = ops.shape(events)[1]
        length = ops.expand_dims(ops.cast(length, "int32"), 1)
        later = length - 1 - ops.arange(time, dtype="int32")
        places = ops.clip(later, 0, self.max_length - 1)
        tokens = events + self._rows("places", places)
        if self.has_ages:
            if ages is None:
                raise InputError("ages", received="none", expected="those of events")
            tokens = tokens + self._rows("ages", ops.cast(ages, "int32") + 1)
        for block in self.blocks:
            tokens = block(tokens, training=training)
        return self.norm(tokens)

    @staticmethod
    def age_buckets(request_time: Tensor, times: Tensor) -> Tensor:
        """`(batch, time)` buckets of ages; -1 where a time is not known.

        Args:
            request_time: `(batch,)` integer seconds.
            times: `(batch, time)` integer seconds, -1 where not known.
        """
        request_time = ops.reshape(request_time, (-1, 1))
        return time_buckets(request_time, times, LAST_BUCKET)[:, 0]

    def compute_output_shape(self, events_shape: Shape, *_: Any, **__: Any) -> Shape:
        return tuple(events_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "max_length": self.max_length,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "has_ages": self.has_ages,
            "seed": self.seed,
        }

    def _rows(self, name: str, places: Tensor) -> Tensor:
        table = self.rows[name]
        rows = kernels.gather(table.value, ops.reshape(places, (-1,)))
        rows = ops.reshape(rows, (*ops.shape(places), table.shape[-1]))
        return ops.cast(rows, self.compute_dtype)
