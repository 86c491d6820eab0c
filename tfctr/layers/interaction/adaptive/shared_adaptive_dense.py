"""Adaptive dense layer of low rank, outer factors shared (APG v4)."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.layers.interaction.adaptive.decomposed_adaptive_dense import (
    DecomposedAdaptiveDense,
)
from tfctr.layers.interaction.adaptive.products import rows_times
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Tensor

__all__ = ["SharedAdaptiveDense"]


@serializable
class SharedAdaptiveDense(DecomposedAdaptiveDense):
    """Generates only a small core between two factors that all examples share.

    `((inputs A) C) B + bias` with trained `A` `(width, rank)` and `B` `(rank, units)`
    and generated `C` `(rank, rank)`: `rank^2 * condition_width + rank * (width +
    units)` multiplications an example.

    Args:
        units: Width of the outputs.
        rank: Rank of every example's matrix, at most `width` and `units`.
        activation: Activation of the outputs; none by default.
        use_bias: Whether there is a bias, static and shared by all examples.
        generator: `GeneratorConfig` or its dict: one linear layer by default.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(..., width)` floats.
        condition: `(..., condition_width)` floats.
        condition_weights: `(..., conditions)` floats, see `AdaptiveDense`. Optional.

    Returns:
        `(..., units)` in the compute dtype.

    Source: Yan et al., APG, NeurIPS 2022, version 4 of table 3.

    >>> import keras
    >>> layer = SharedAdaptiveDense(4, rank=2)
    >>> tuple(layer(keras.ops.ones((2, 3)), keras.ops.ones((2, 5))).shape)
    (2, 4)
    """

    def generated_shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        return {"core": super().generated_shapes(width)["core"]}

    def make_shared(self, width: int) -> None:
        self.input_factor = self._factor("input_factor", (width, self.rank))
        self.output_factor = self._factor("output_factor", (self.rank, self.units))

    def factors(self) -> tuple[Tensor, Tensor]:
        """The shared factors, `(width, rank)` and `(rank, units)`."""
        return self.input_factor, self.output_factor

    def transform(self, inputs: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        input_factor, output_factor = self.factors()
        mixed = rows_times(ops.matmul(inputs, input_factor), parameters["core"])
        return ops.matmul(mixed, output_factor)

    def _factor(self, name: str, shape: tuple[int, int]) -> Any:
        return self.add_weight(
            name=name, shape=shape, initializer=glorot(self.seed, name)
        )
