"""From a condition to the weights of another layer."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.adaptive.generator_config import GeneratorConfig
from tfctr.layers.interaction.mlp import MLP
from tfctr.saving import serializable
from tfctr.seeds import derived_seed, glorot
from tfctr.types import Shape, Tensor

__all__ = ["ParameterGenerator"]


@serializable
class ParameterGenerator(keras.layers.Layer):
    """Generates arrays of given shapes from a condition, by one MLP for all.

    Several conditions of an example may each generate, and what they give is summed
    with weights (output aggregation).

    Args:
        shapes: Shape of each array by name.
        config: Hidden layers, activations and start; none, linear and zeros by
            default.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        condition: `(..., width)` floats, or `(..., conditions, width)` if they are
            weighted.
        condition_weights: `(..., conditions)` floats. Optional.

    Returns:
        Dict name -> `(..., *shape)` in the compute dtype.

    Source: Yan et al., APG, NeurIPS 2022, the generator `G`.

    >>> generate = ParameterGenerator({"core": (2, 2)})
    >>> tuple(generate(ops.ones((5, 3)))["core"].shape)
    (5, 2, 2)
    """

    def __init__(
        self,
        shapes: Mapping[str, Sequence[int]],
        *,
        config: GeneratorConfig | Mapping[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not shapes or any(n < 1 for shape in shapes.values() for n in shape):
            raise InputError("shapes", received=dict(shapes), expected="positive sizes")
        self.shapes = {name: list(shape) for name, shape in shapes.items()}
        self.config = GeneratorConfig.of(config)
        self.seed = seed
        self.hidden = (
            MLP(
                self.config.units,
                activation=self.config.activation,
                seed=seed,
                dtype=self.dtype_policy,
                name="hidden",
            )
            if self.config.units
            else None
        )
        is_static = self.config.start == "static"
        self.output_layer = keras.layers.Dense(
            sum(math.prod(shape) for shape in self.shapes.values()),
            activation=self.config.output_activation,
            kernel_initializer=glorot(seed, "output"),
            bias_initializer=StaticStart(self.shapes, seed) if is_static else "zeros",
            dtype=self.dtype_policy,
            name="output",
        )

    def build(
        self, condition_shape: Shape, condition_weights_shape: Shape | None = None
    ) -> None:
        shape = tuple(condition_shape)
        if self.hidden is not None:
            self.hidden.build(shape)
            shape = (*shape[:-1], self.config.units[-1])
        self.output_layer.build(shape)

    def call(
        self, condition: Tensor, condition_weights: Tensor | None = None
    ) -> dict[str, Tensor]:
        if self.hidden is not None:
            condition = self.hidden(condition)
        flat = self.output_layer(condition)
        if condition_weights is not None:
            weights = ops.expand_dims(ops.cast(condition_weights, flat.dtype), -2)
            flat = ops.squeeze(ops.matmul(weights, flat), -2)
        outer, parts = ops.shape(flat)[:-1], {}
        for name, piece in zip(self.shapes, self._pieces(flat), strict=True):
            parts[name] = ops.reshape(piece, (*outer, *self.shapes[name]))
        return parts

    def compute_output_shape(
        self, condition_shape: Shape, condition_weights_shape: Shape | None = None
    ) -> dict[str, Any]:
        outer = condition_weights_shape or condition_shape
        return {name: (*outer[:-1], *shape) for name, shape in self.shapes.items()}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "shapes": self.shapes,
            "config": self.config.to_dict(),
            "seed": self.seed,
        }

    def _pieces(self, flat: Tensor) -> Sequence[Tensor]:
        sizes = [math.prod(shape) for shape in self.shapes.values()]
        places = [sum(sizes[:place]) for place in range(1, len(sizes))]
        if not places:
            return [flat]
        pieces: Sequence[Tensor] = ops.split(flat, places, axis=-1)
        return pieces


class StaticStart(keras.initializers.Initializer):
    """Flat initial values of static weights: the identity for cores, else Glorot's.

    Args:
        shapes: Shape of each array by name.
        seed: Seed of the values.
    """

    def __init__(self, shapes: Mapping[str, Sequence[int]], seed: int) -> None:
        self.shapes = {name: list(shape) for name, shape in shapes.items()}
        self.seed = seed

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        seed = derived_seed(self.seed, "start")
        parts = [
            ops.eye(size[0], dtype=dtype)
            if name == "core"
            else glorot(seed, name)(size, dtype=dtype)
            for name, size in self.shapes.items()
        ]
        return ops.concatenate([ops.reshape(part, (-1,)) for part in parts])

    def get_config(self) -> dict[str, Any]:
        return {"shapes": self.shapes, "seed": self.seed}
