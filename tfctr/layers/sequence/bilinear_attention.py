"""How much each event matters to each candidate, by a bilinear form."""

from typing import Any

import keras
from keras import ops

from tfctr.layers.sequence.softmax import softmax_over_events
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["BilinearAttention"]


@serializable
class BilinearAttention(keras.layers.Layer):
    """Weights `softmax_t(h_t W c)` of events for candidates.

    They sum to one over the real events of a history, and are 0 elsewhere.

    Args:
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        candidates: `(batch, candidates, width)` floats.
        events: `(batch, time, dim)` floats, such as the states of a recurrent layer.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, time, candidates)` in float32.

    >>> layer = BilinearAttention()
    >>> float(ops.sum(layer(ops.ones((1, 1, 2)), ops.ones((1, 5, 3)))))
    1.0

    Source: Zhou et al., Deep Interest Evolution Network, AAAI 2019, equation (14).
    """

    def __init__(self, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed

    def build(self, candidates_shape: Shape, events_shape: Shape) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(candidates_shape[-1], events_shape[-1]),
            initializer=glorot(self.seed, "kernel"),
        )

    def call(
        self, candidates: Tensor, events: Tensor, events_mask: Tensor | None = None
    ) -> Tensor:
        projected = ops.matmul(candidates, self.kernel)  # (batch, candidates, dim)
        scores = ops.matmul(events, ops.transpose(projected, (0, 2, 1)))
        return softmax_over_events(scores, events_mask)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Ends the mask here: weights of padding are zeros."""

    def compute_output_shape(
        self, candidates_shape: Shape, events_shape: Shape
    ) -> Shape:
        return (*events_shape[:2], candidates_shape[1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}
