"""Adaptive dense layer of low rank, factors generated (APG v3)."""

from collections.abc import Mapping
from typing import Any

from tfctr.errors import InputError
from tfctr.layers.interaction.adaptive.adaptive_dense import AdaptiveDense
from tfctr.layers.interaction.adaptive.generator_config import GeneratorConfig
from tfctr.layers.interaction.adaptive.products import rows_times
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["DecomposedAdaptiveDense"]


@serializable
class DecomposedAdaptiveDense(AdaptiveDense):
    """Generates three small factors and applies one after the other.

    `((inputs A) C) B + bias` with generated `A` `(width, rank)`, `C` `(rank, rank)` and
    `B` `(rank, units)`; their product is never made.

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

    Source: Yan et al., APG, NeurIPS 2022, version 3 of table 3.

    >>> import keras
    >>> layer = DecomposedAdaptiveDense(4, rank=2)
    >>> tuple(layer(keras.ops.ones((2, 3)), keras.ops.ones((2, 5))).shape)
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        *,
        rank: int,
        activation: Any = None,
        use_bias: bool = True,
        generator: GeneratorConfig | Mapping[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            use_bias=use_bias,
            generator=generator,
            seed=seed,
            **kwargs,
        )
        if not 1 <= rank <= units:
            raise InputError(
                "rank", received=rank, expected=f"1 to {units}, the units of the layer"
            )
        self.rank = rank

    def generated_shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        if self.rank > width:
            raise InputError(
                "rank",
                received=self.rank,
                expected=f"1 to {width}, the width of the inputs of {self.name!r}",
            )
        return {
            "input_factor": (width, self.rank),
            "core": (self.rank, self.rank),
            "output_factor": (self.rank, self.units),
        }

    def transform(self, inputs: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        narrow = rows_times(inputs, parameters["input_factor"])
        mixed = rows_times(narrow, parameters["core"])
        return rows_times(mixed, parameters["output_factor"])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank}
