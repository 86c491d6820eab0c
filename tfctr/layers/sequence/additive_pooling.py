"""Pooling of events by how much each has to do with a query (NARM)."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["AdditivePooling"]


@serializable
class AdditivePooling(keras.layers.Layer):
    """Sums events with weights `<v, sigmoid(A_1 q + A_2 e_t)>`.

    As in the paper, the weights are not normalised. A row without events pools to
    zeros.

    Args:
        units: Width of the hidden layer of the weights.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        query: `(batch, width)` floats, such as the last state of a recurrent layer.
        events: `(batch, time, dim)` floats, such as its states.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, dim)` in the compute dtype.

    >>> tuple(AdditivePooling(3)(ops.ones((2, 6)), ops.ones((2, 5, 4))).shape)
    (2, 4)

    Source: Li et al., Neural Attentive Session-based Recommendation, CIKM 2017,
    equations (7) and (8).
    """

    def __init__(self, units: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise InputError("units", received=units, expected="a positive number")
        self.units = units
        self.seed = seed

    def build(self, query_shape: Shape, events_shape: Shape) -> None:
        shapes = {
            "query_kernel": (query_shape[-1], self.units),
            "event_kernel": (events_shape[-1], self.units),
            "score_kernel": (self.units, 1),
        }
        for name, shape in shapes.items():
            weight = self.add_weight(
                name=name, shape=shape, initializer=glorot(self.seed, name)
            )
            setattr(self, name, weight)

    def call(
        self, query: Tensor, events: Tensor, events_mask: Tensor | None = None
    ) -> Tensor:
        by_query = ops.expand_dims(ops.matmul(query, self.query_kernel), 1)
        hidden = ops.sigmoid(by_query + ops.matmul(events, self.event_kernel))
        scores = ops.cast(ops.matmul(hidden, self.score_kernel), "float32")
        real = True if events_mask is None else ops.expand_dims(events_mask, -1)
        # Values of padding may be anything, so they are left out, not multiplied by 0.
        weighted = ops.where(real, scores * ops.cast(events, "float32"), 0.0)
        return ops.cast(ops.sum(weighted, axis=1), self.compute_dtype)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Ends the mask here: the output has no time axis."""

    def compute_output_shape(self, query_shape: Shape, events_shape: Shape) -> Shape:
        return (events_shape[0], events_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "seed": self.seed}
