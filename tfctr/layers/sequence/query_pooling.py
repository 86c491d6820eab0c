"""Pooling of events by how well each matches one trained query."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.sequence.softmax import softmax_over_events
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["QueryPooling"]


@serializable
class QueryPooling(keras.layers.Layer):
    """Averages events with weights `softmax_t(<q, tanh(W e_t + b)>)`.

    The query `q` is trained and the same for all users. A row without events pools to
    zeros.

    Args:
        units: Width of the query.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        events: `(batch, time, dim)` floats.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, dim)` in the compute dtype.

    >>> tuple(QueryPooling(3)(ops.ones((2, 5, 4))).shape)
    (2, 4)

    Source: Yu et al., Adaptive User Modeling with Long and Short-Term Preferences for
    Personalized Recommendation, IJCAI 2019: the attentive "Asymmetric-SVD".
    """

    def __init__(self, units: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise InputError("units", received=units, expected="a positive number")
        self.units = units
        self.seed = seed

    def build(self, events_shape: Shape) -> None:
        shapes = {"kernel": (events_shape[-1], self.units), "query": (self.units, 1)}
        for name, shape in shapes.items():
            weight = self.add_weight(
                name=name, shape=shape, initializer=glorot(self.seed, name)
            )
            setattr(self, name, weight)
        self.bias = self.add_weight(
            name="bias", shape=(self.units,), initializer="zeros"
        )

    def call(self, events: Tensor, events_mask: Tensor | None = None) -> Tensor:
        hidden = ops.tanh(ops.matmul(events, self.kernel) + self.bias)
        scores = ops.matmul(hidden, self.query)
        weights = softmax_over_events(scores, events_mask)
        pooled = ops.sum(weights * ops.cast(events, "float32"), axis=1)
        return ops.cast(pooled, self.compute_dtype)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Ends the mask here: the output has no time axis."""

    def compute_output_shape(self, events_shape: Shape) -> Shape:
        return (events_shape[0], events_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "seed": self.seed}
