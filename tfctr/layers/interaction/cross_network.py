"""Explicit feature crosses of bounded degree (DCN-v2)."""

from typing import Any

import keras

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["CrossNetwork"]


@serializable
class CrossNetwork(keras.layers.Layer):
    """Cross layers `x_{l+1} = x_0 * (W_l x_l + b_l) + x_l`.

    With `rank`, `W_l = U_l V_l` of that rank.

    Args:
        num_layers: Number of cross layers; the degree of the crosses is one more.
        rank: Rank of the matrices; full by default.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(..., width)` floats.

    Returns:
        `(..., width)` in the compute dtype.

    Source: Wang et al., DCN V2, WWW 2021, equations (1) and (2).

    >>> tuple(CrossNetwork(2)(keras.ops.ones((2, 3))).shape)
    (2, 3)
    """

    def __init__(
        self, num_layers: int, *, rank: int | None = None, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if num_layers < 1:
            raise InputError(
                "num_layers", received=num_layers, expected="a positive number"
            )
        if rank is not None and rank < 1:
            raise InputError("rank", received=rank, expected="a positive number")
        self.num_layers = num_layers
        self.rank = rank
        self.seed = seed

    def build(self, inputs_shape: Shape) -> None:
        width = inputs_shape[-1]
        if width is None:
            raise InputError("inputs", received="an unknown width", expected="a width")
        self.projections, self.kernels, self.biases = [], [], []
        for place in range(self.num_layers):
            if self.rank is not None:
                self.projections.append(
                    self.add_weight(
                        name=f"projection_{place}",
                        shape=(width, self.rank),
                        initializer=glorot(self.seed, f"projection_{place}"),
                    )
                )
            self.kernels.append(
                self.add_weight(
                    name=f"kernel_{place}",
                    shape=(self.rank or width, width),
                    initializer=glorot(self.seed, f"kernel_{place}"),
                )
            )
            self.biases.append(
                self.add_weight(
                    name=f"bias_{place}", shape=(width,), initializer="zeros"
                )
            )

    def call(self, inputs: Tensor) -> Tensor:
        crossed = inputs
        for place in range(self.num_layers):
            mixed = crossed
            if self.rank is not None:
                mixed = keras.ops.matmul(mixed, self.projections[place])
            mixed = keras.ops.matmul(mixed, self.kernels[place]) + self.biases[place]
            crossed = inputs * mixed + crossed
        return crossed

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return tuple(inputs_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "rank": self.rank,
            "seed": self.seed,
        }
