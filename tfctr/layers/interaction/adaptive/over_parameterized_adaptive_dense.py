"""Adaptive dense layer with over-parameterized shared factors (APG v5)."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.adaptive.generator_config import GeneratorConfig
from tfctr.layers.interaction.adaptive.shared_adaptive_dense import (
    SharedAdaptiveDense,
)
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["OverParameterizedAdaptiveDense"]


@serializable
class OverParameterizedAdaptiveDense(SharedAdaptiveDense):
    """Trains each shared factor as a product of two, and serves the product.

    `A = A1 A2` and `B = B1 B2` through a width above the rank, without anything
    between: the functions are those of `SharedAdaptiveDense`, the paths of training
    are others. The products are made once a step, not once an example. `merge` gives
    the layer that is served.

    Args:
        units: Width of the outputs.
        rank: Rank of every example's matrix, at most `width` and `units`.
        inner_width: Width between the two parts of a factor, at least `rank`.
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

    Source: Yan et al., APG, NeurIPS 2022, version 5 of table 3.

    >>> import keras
    >>> layer = OverParameterizedAdaptiveDense(4, rank=2, inner_width=6)
    >>> tuple(layer(keras.ops.ones((2, 3)), keras.ops.ones((2, 5))).shape)
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        *,
        rank: int,
        inner_width: int,
        activation: Any = None,
        use_bias: bool = True,
        generator: GeneratorConfig | Mapping[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            rank=rank,
            activation=activation,
            use_bias=use_bias,
            generator=generator,
            seed=seed,
            **kwargs,
        )
        if inner_width < rank:
            raise InputError(
                "inner_width", received=inner_width, expected=f"at least rank, {rank}"
            )
        self.inner_width = inner_width
        self._folded: tuple[Tensor, Tensor] | None = None

    def make_shared(self, width: int) -> None:
        inner = self.inner_width
        for side, rows, columns in (
            ("input", width, self.rank),
            ("output", self.rank, self.units),
        ):
            left, right = f"{side}_factor_left", f"{side}_factor_right"
            setattr(self, left, self._factor(left, (rows, inner)))
            setattr(self, right, self._factor(right, (inner, columns)))

    def factors(self) -> tuple[Tensor, Tensor]:
        if self._folded is not None:
            input_factor, output_factor = self._folded
            return (
                ops.cast(input_factor, self.compute_dtype),
                ops.cast(output_factor, self.compute_dtype),
            )
        return (
            ops.matmul(self.input_factor_left, self.input_factor_right),
            ops.matmul(self.output_factor_left, self.output_factor_right),
        )

    def merge(self) -> SharedAdaptiveDense:
        """A new layer of the same function with the factors multiplied."""
        config = self.get_config()
        del config["inner_width"]
        merged: SharedAdaptiveDense = SharedAdaptiveDense.from_config(config)
        generator = self.parameter_generator.weights
        merged.build((None, self.width), (None, generator[0].shape[0]))
        merged.built = True
        for own, other in zip(
            generator, merged.parameter_generator.weights, strict=True
        ):
            other.assign(own)
        input_factor, output_factor = self.factors()
        merged.input_factor.assign(input_factor)
        merged.output_factor.assign(output_factor)
        if self.use_bias:
            merged.bias.assign(self.bias)
        return merged

    @property
    def unmerged_weights(self) -> list[Any]:
        """The four weights that `merge` replaces by two."""
        return [
            self.input_factor_left,
            self.input_factor_right,
            self.output_factor_left,
            self.output_factor_right,
        ]

    def fold(self, factors: tuple[Tensor, Tensor] | None) -> None:
        """Lets the layer read the two given factors, or with `None` its own again.

        Args:
            factors: `(width, rank)` and `(rank, units)`, as `factors` gives them.
        """
        # Past Keras' tracking: a built layer takes no new state.
        object.__setattr__(self, "_folded", factors)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "inner_width": self.inner_width}
