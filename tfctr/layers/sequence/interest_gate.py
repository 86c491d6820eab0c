"""How much long-term and short-term interest count, channel by channel."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["InterestGate"]


@serializable
class InterestGate(keras.layers.Layer):
    """Mixes two vectors: `a * long + (1 - a) * short` with a gate `a` for each channel.

    `a = sigmoid(W [long, short, context] + b)`; with `hidden_units`, sigmoid layers of
    these widths come before.

    Args:
        hidden_units: Widths of layers before the gate; none in the paper.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        long: `(..., dim)` floats.
        short: `(..., dim)` floats.
        context: `(..., features)` floats that the gate may look at.

    Returns:
        `(..., dim)` in the compute dtype.

    >>> gate = InterestGate()
    >>> mixed = gate(ops.ones((2, 3)), ops.zeros((2, 3)), ops.zeros((2, 4)))
    >>> bool(ops.all((mixed > 0) & (mixed < 1)))
    True

    Source: TLSI (arXiv 2511.06213), equations (18) to (20); figure 2 draws the gate on
    the other side.
    """

    def __init__(
        self, *, hidden_units: Sequence[int] = (), seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = list(hidden_units)
        if self.hidden_units and min(self.hidden_units) < 1:
            raise InputError(
                "hidden_units", received=self.hidden_units, expected="positive widths"
            )
        self.seed = seed

    def build(
        self, long_shape: Shape, short_shape: Shape, context_shape: Shape
    ) -> None:
        dim = long_shape[-1]
        if short_shape[-1] != dim:
            raise InputError(
                "short",
                received=f"width {short_shape[-1]}",
                expected=f"that of `long`, {dim}",
            )
        width = 2 * (dim or 0) + (context_shape[-1] or 0)
        shape = (*long_shape[:-1], width)
        self.dense_layers = []
        for place, units in enumerate([*self.hidden_units, dim]):
            dense = keras.layers.Dense(
                units,
                activation="sigmoid",
                kernel_initializer=glorot(self.seed, f"dense_{place}"),
                dtype=self.dtype_policy,
                name=f"dense_{place}",
            )
            dense.build(shape)
            shape = (*shape[:-1], units)
            self.dense_layers.append(dense)

    def call(self, long: Tensor, short: Tensor, context: Tensor) -> Tensor:
        share = self.share(long, short, context)
        return share * long + (1 - share) * short

    def share(self, long: Tensor, short: Tensor, context: Tensor) -> Tensor:
        """The gate itself, `(..., dim)` within 0 and 1: the share of `long`."""
        dtype = self.compute_dtype
        parts = [ops.cast(part, dtype) for part in (long, short, context)]
        hidden = ops.concatenate(parts, axis=-1)
        for dense in self.dense_layers:
            hidden = dense(hidden)
        return hidden

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Ends the mask here."""

    def compute_output_shape(
        self, long_shape: Shape, short_shape: Shape, context_shape: Shape
    ) -> Shape:
        return tuple(long_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "seed": self.seed,
        }
