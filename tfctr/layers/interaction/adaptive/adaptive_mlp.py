"""A stack of dense layers whose weights depend on a condition."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.adaptive.adaptive_dense import AdaptiveDense
from tfctr.layers.interaction.adaptive.apg import APG
from tfctr.layers.interaction.adaptive.condition_attention import ConditionAttention
from tfctr.layers.interaction.adaptive.costs import adaptive_cost, static_cost
from tfctr.layers.interaction.adaptive.decomposed_adaptive_dense import (
    DecomposedAdaptiveDense,
)
from tfctr.layers.interaction.adaptive.full_adaptive_dense import FullAdaptiveDense
from tfctr.layers.interaction.adaptive.over_parameterized_adaptive_dense import (
    OverParameterizedAdaptiveDense,
)
from tfctr.layers.interaction.adaptive.rebuilt_adaptive_dense import (
    RebuiltAdaptiveDense,
)
from tfctr.layers.interaction.adaptive.shared_adaptive_dense import (
    SharedAdaptiveDense,
)
from tfctr.saving import serializable
from tfctr.seeds import derived_seed
from tfctr.types import Shape, Tensor

__all__ = ["AdaptiveMLP"]

KINDS: Mapping[str, type[AdaptiveDense]] = {
    "v1": FullAdaptiveDense,
    "v2": RebuiltAdaptiveDense,
    "v3": DecomposedAdaptiveDense,
    "v4": SharedAdaptiveDense,
    "v5": OverParameterizedAdaptiveDense,
}


@serializable
class AdaptiveMLP(keras.layers.Layer):
    """An `MLP` whose layers take weights from a condition; dropout after each.

    Warns where it holds or computes more than the static `MLP` of these widths.

    Args:
        hidden_units: Width of each layer, first to last.
        apg: `APG` or its dict. Names of features there are the model's business: the
            layer gets their embeddings.
        activation: Activation after every layer.
        final_activation: Activation after the last layer; `activation` by default.
        dropout: Share of units dropped after each layer in training.
        seed: Seed of initial values and dropout.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(..., width)` floats.
        conditions: `(..., conditions, condition_width)` floats with the same leading
            dimensions; none if each layer's inputs are its condition.
        training: Whether dropout is on.

    Returns:
        `(..., hidden_units[-1])` in the compute dtype.

    Source: Yan et al., APG, NeurIPS 2022.

    >>> tower = AdaptiveMLP([64, 32], apg=APG(["user_id"], rank=2))
    >>> tuple(tower(ops.ones((2, 48)), ops.ones((2, 1, 4))).shape)
    (2, 32)
    """

    def __init__(
        self,
        hidden_units: Sequence[int],
        *,
        apg: APG | Mapping[str, Any],
        activation: Any = "relu",
        final_activation: Any = None,
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = list(hidden_units)
        if not self.hidden_units or min(self.hidden_units) < 1:
            raise InputError(
                "hidden_units", received=self.hidden_units, expected="positive widths"
            )
        settings = APG.of(apg)
        if settings is None:
            raise InputError("apg", received=None, expected="APG or its fields by name")
        self.apg = settings
        self.activation = keras.activations.get(activation)
        self.final_activation = (
            self.activation
            if final_activation is None
            else keras.activations.get(final_activation)
        )
        self.dropout = dropout
        self.seed = seed
        self.dense_layers = self._make_layers()
        self.attention = (
            ConditionAttention(seed=seed, dtype=self.dtype_policy, name="attention")
            if settings.aggregation.endswith("attention") and not settings.is_self_wise
            else None
        )
        self.dropout_layer = keras.layers.Dropout(
            dropout, seed=seed, dtype=self.dtype_policy, name="dropout"
        )

    def build(self, inputs_shape: Shape, conditions_shape: Shape | None = None) -> None:
        shape = tuple(inputs_shape)
        width = self._condition_width(conditions_shape)
        if shape[-1] is None:
            raise InputError("inputs", received="an unknown width", expected="a width")
        if self.attention is not None and conditions_shape is not None:
            self.attention.build(conditions_shape)
        self._warn_of_costs(shape[-1], width, conditions_shape)
        for layer in self.dense_layers:
            layer.build(shape, shape if width is None else (*shape[:-1], width))
            shape = (*shape[:-1], layer.units)
        self.dropout_layer.build(shape)

    def call(
        self, inputs: Tensor, conditions: Tensor | None = None, training: bool = False
    ) -> Tensor:
        self._check_conditions(conditions)
        condition, weights = self._aggregated(conditions)
        for layer in self.dense_layers:
            own = self._trained(inputs) if conditions is None else condition
            outputs = layer(inputs, own, condition_weights=weights)
            inputs = self.dropout_layer(outputs, training=training)
        return inputs

    def merge(self) -> "AdaptiveMLP":
        """A new tower of the same function in the form that is served: v4 for v5."""
        config = {**self.get_config(), "apg": self.apg.merged().to_dict()}
        merged: AdaptiveMLP = AdaptiveMLP.from_config(config)
        if self.attention is not None and merged.attention is not None:
            merged.attention.build((None, None, self.attention.kernel.shape[0]))
            merged.attention.built = True
            merged.attention.set_weights(self.attention.get_weights())
        for own, other in zip(self.dense_layers, merged.dense_layers, strict=True):
            if isinstance(own, OverParameterizedAdaptiveDense):
                own = own.merge()
            generator = own.parameter_generator.weights[0]
            width = own.width
            other.build((None, width), (None, generator.shape[0]))
            other.built = True
            other.set_weights(own.get_weights())
        merged.dropout_layer.build((None, self.hidden_units[-1]))
        merged.built = True
        return merged

    def compute_output_shape(
        self, inputs_shape: Shape, conditions_shape: Shape | None = None
    ) -> Shape:
        return (*inputs_shape[:-1], self.hidden_units[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "apg": self.apg.to_dict(),
            "activation": keras.activations.serialize(self.activation),
            "final_activation": keras.activations.serialize(self.final_activation),
            "dropout": self.dropout,
            "seed": self.seed,
        }

    def _make_layers(self) -> list[AdaptiveDense]:
        apg, count = self.apg, len(self.hidden_units)
        options: list[dict[str, Any]] = [{} for _ in self.hidden_units]
        if apg.version != "v1":
            for option, rank in zip(options, apg.ranks(count), strict=True):
                option["rank"] = rank
        if apg.version == "v5":
            for option, inner in zip(options, apg.inner_widths(count), strict=True):
                option["inner_width"] = inner
        return [
            KINDS[str(apg.version)](
                units,
                activation=(
                    self.final_activation if place == count - 1 else self.activation
                ),
                generator=apg.generator,
                seed=derived_seed(self.seed, f"dense_{place}"),
                dtype=self.dtype_policy,
                name=f"dense_{place}",
                **options[place],
            )
            for place, units in enumerate(self.hidden_units)
        ]

    def _aggregated(
        self, conditions: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """The condition of all layers, and weights if several generate."""
        if conditions is None:
            return None, None
        conditions = self._trained(conditions)
        how = self.apg.aggregation
        if how == "concat":
            outer = ops.shape(conditions)[:-2]
            width = conditions.shape[-2] * conditions.shape[-1]
            return ops.reshape(conditions, (*outer, width)), None
        if how == "mean":
            return ops.mean(conditions, axis=-2), None
        if self.attention is None:  # output_mean
            return conditions, ops.ones_like(conditions[..., 0]) / conditions.shape[-2]
        if how == "attention":
            return self.attention(conditions), None
        return conditions, self.attention.weights_of(conditions)

    def _trained(self, condition: Tensor) -> Tensor:
        if self.apg.stop_condition_gradient:
            return ops.stop_gradient(condition)
        return condition

    def _condition_width(self, conditions_shape: Shape | None) -> int | None:
        """Width of what the generators see, or `None` for each layer's inputs."""
        self._check_conditions(conditions_shape)
        if conditions_shape is None:
            return None
        count, width = conditions_shape[-2:]
        if count is None or width is None:
            raise InputError(
                "conditions",
                received=f"shape {tuple(conditions_shape)}",
                expected="a known number of conditions of a known width",
            )
        return count * width if self.apg.aggregation == "concat" else width

    def _check_conditions(self, conditions: Any) -> None:
        if (conditions is None) != self.apg.is_self_wise:
            raise InputError(
                "conditions",
                received="nothing" if conditions is None else "a tensor",
                expected=f"the other, because `condition` is {self.apg.condition!r}",
            )

    def _warn_of_costs(
        self, width: int, condition_width: int | None, conditions_shape: Any
    ) -> None:
        widths = [width, *self.hidden_units]
        is_by_output = self.apg.aggregation.startswith("output")
        count = conditions_shape[-2] if is_by_output and conditions_shape else 1
        static = static_cost(widths)
        cost = adaptive_cost(widths, self.apg, condition_width, num_conditions=count)
        more = [
            f"{own / other:.2f} times the {name}"
            for name, own, other in (
                ("parameters", cost.parameters, static.parameters),
                ("multiplications", cost.multiplications, static.multiplications),
            )
            if own > other
        ]
        if more:
            warnings.warn(
                f"APG {self.apg.version} with rank {self.apg.rank} costs "
                f"{' and '.join(more)} of the static tower {widths}. "
                "`tfctr.layers.break_even_rank` tells up to which rank it saves.",
                stacklevel=2,
            )
