"""What all dense layers with generated weights have in common."""

from collections.abc import Mapping
from typing import Any

import keras

from tfctr.errors import InputError
from tfctr.layers.interaction.adaptive.generator_config import GeneratorConfig
from tfctr.layers.interaction.adaptive.parameter_generator import ParameterGenerator
from tfctr.types import Shape, Tensor

__all__ = ["AdaptiveDense"]


class AdaptiveDense(keras.layers.Layer):
    """A dense layer that takes weights, or a part of them, from a condition.

    `outputs = activation(inputs W(condition) + bias)`. A subclass says what is
    generated (`generated_shapes`), makes what is shared (`make_shared`), and applies
    both (`transform`).

    Args:
        units: Width of the outputs.
        activation: Activation of the outputs; none by default.
        use_bias: Whether there is a bias, static and shared by all examples.
        generator: `GeneratorConfig` or its dict: one linear layer by default.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(..., width)` floats.
        condition: `(..., condition_width)` floats with the same leading dimensions.
        condition_weights: `(..., conditions)` floats: `condition` then has several
            conditions, `(..., conditions, condition_width)`, and the weights that
            each generates are summed with these. Optional.

    Returns:
        `(..., units)` in the compute dtype.
    """

    def __init__(
        self,
        units: int,
        *,
        activation: Any = None,
        use_bias: bool = True,
        generator: GeneratorConfig | Mapping[str, Any] | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise InputError("units", received=units, expected="a positive number")
        self.units = units
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.generator = GeneratorConfig.of(generator)
        self.seed = seed

    # To be written by each kind ----------------------------------------------------

    def generated_shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        """Shapes of what is generated for inputs of that width, by name."""
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    def make_shared(self, width: int) -> None:
        """Makes the weights that all examples share; none unless written."""

    def transform(self, inputs: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        """`inputs` times the weights of each example, `(..., units)`."""
        raise NotImplementedError(f"{type(self).__name__} does not write this")

    # Keras -------------------------------------------------------------------------

    def build(
        self,
        inputs_shape: Shape,
        condition_shape: Shape,
        condition_weights_shape: Shape | None = None,
    ) -> None:
        width = inputs_shape[-1]
        if width is None or condition_shape[-1] is None:
            name = "inputs" if width is None else "condition"
            raise InputError(name, received="an unknown width", expected="a width")
        self.width = width
        self.parameter_generator = ParameterGenerator(
            self.generated_shapes(width),
            config=self.generator,
            seed=self.seed,
            dtype=self.dtype_policy,
            name="generator",
        )
        self.parameter_generator.build(condition_shape)
        self.make_shared(width)
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.units,), initializer="zeros"
            )

    def call(
        self,
        inputs: Tensor,
        condition: Tensor,
        condition_weights: Tensor | None = None,
    ) -> Tensor:
        parameters = self.parameter_generator(condition, condition_weights)
        outputs = self.transform(inputs, parameters)
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(outputs)

    def compute_output_shape(
        self,
        inputs_shape: Shape,
        condition_shape: Shape,
        condition_weights_shape: Shape | None = None,
    ) -> Shape:
        return (*inputs_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "generator": self.generator.to_dict(),
            "seed": self.seed,
        }
