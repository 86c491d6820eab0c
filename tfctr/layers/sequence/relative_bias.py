"""A bias of attention scores by distance in positions and in time."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.seeds import normal
from tfctr.types import Shape, Tensor

__all__ = ["RelativeBias", "time_buckets"]

LOG_STEP = 0.301  # ln(seconds) of one bucket: a factor of 1.35
MISSING = -1


def time_buckets(later: Tensor, earlier: Tensor, last: int) -> Tensor:
    """Buckets `floor(ln(max(abs(seconds), 1)) / 0.301)` of times between two moments.

    Args:
        later: `(batch, queries)` integer seconds; -1 is missing.
        earlier: `(batch, keys)` integer seconds; -1 is missing.
        last: Largest bucket; what is longer belongs to it.

    Returns:
        `(batch, queries, keys)` int32; -1 where a time is missing.

    >>> import numpy as np
    >>> moments = np.array([[86_460, 86_400, 0]])
    >>> np.asarray(time_buckets(np.array([[86_460]]), moments, 128)).tolist()
    [[[0, 13, 37]]]
    """
    for name, times in (("later", later), ("earlier", earlier)):
        dtype = keras.backend.standardize_dtype(times.dtype)
        if "int" not in dtype:
            raise InputError(name, received=dtype, expected="integer seconds")
    later = ops.expand_dims(ops.cast(later, "int64"), 2)
    earlier = ops.expand_dims(ops.cast(earlier, "int64"), 1)
    # Unix times are beyond what float32 holds exactly, their difference is not.
    seconds = ops.cast(ops.absolute(later - earlier), "float32")
    bucket = ops.log(ops.maximum(seconds, 1.0)) / LOG_STEP
    bucket = ops.cast(ops.minimum(bucket, float(last)), "int32")
    is_known = ops.logical_and(later >= 0, earlier >= 0)
    return ops.where(is_known, bucket, MISSING)


@serializable
class RelativeBias(keras.layers.Layer):
    """One trained number for each distance in positions, and for each bucket of time.

    The bias of a query at position `p` and a key at position `j` is
    `positions[min(p - j, max_distance)] + times[bucket]`, the same for all heads. A
    missing time has no bias.

    Args:
        max_distance: Positions from which on the bias stays the same; none by
            distance if 0.
        num_time_buckets: Last bucket of time; no bias by time if 0.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        places: `(batch or 1, queries)` integers: positions of the queries.
        buckets: `(batch, queries, keys)` of `time_buckets`.

    Returns:
        `(batch, queries, keys)` float32; keys stand at the positions 0, 1, ...

    Source: `RelativeBucketedTimeAndPositionBasedBias` of
    meta-recsys/generative-recommenders, which has `2 n - 1` distances, half of them
    in the future.
    """

    def __init__(
        self,
        max_distance: int = 256,
        num_time_buckets: int = 128,
        *,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        for name, value in (
            ("max_distance", max_distance),
            ("num_time_buckets", num_time_buckets),
        ):
            if value < 0:
                raise InputError(name, received=value, expected="0 or more")
        self.max_distance = max_distance
        self.num_time_buckets = num_time_buckets
        self.seed = seed

    def build(self, *_: Shape, **__: Shape) -> None:
        self.positions = self._numbers("positions", self.max_distance)
        self.times = self._numbers("times", self.num_time_buckets)

    def call(self, places: Tensor, buckets: Tensor) -> Tensor:
        bias = ops.zeros(ops.shape(buckets), "float32")
        if self.positions is not None:
            bias = bias + self.by_position(places, ops.shape(buckets)[2])
        if self.times is not None:
            bias = bias + self.by_time(buckets)
        return bias

    def by_position(self, places: Tensor, num_keys: Any) -> Tensor:
        """`(batch or 1, queries, keys)` biases by position alone."""
        distance = ops.expand_dims(places, -1) - ops.arange(num_keys, dtype="int32")
        distance = ops.clip(distance, 0, self.max_distance)
        return ops.take(self.positions, distance, axis=0)

    def by_time(self, buckets: Tensor) -> Tensor:
        """`(batch, queries, keys)` biases by time alone."""
        found = ops.take(self.times, ops.maximum(buckets, 0), axis=0)
        return ops.where(buckets >= 0, found, 0.0)

    def compute_output_shape(self, places_shape: Shape, buckets_shape: Shape) -> Shape:
        return tuple(buckets_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "max_distance": self.max_distance,
            "num_time_buckets": self.num_time_buckets,
            "seed": self.seed,
        }

    def _numbers(self, name: str, last: int) -> Any:
        if not last:
            return None
        return self.add_weight(
            name=name,
            shape=(last + 1,),
            initializer=normal(self.seed, name, 0.02),
            dtype="float32",
            autocast=False,
        )
