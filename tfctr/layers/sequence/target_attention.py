"""Attention of a candidate to the user's past events (DIN)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr import kernels, native
from tfctr.errors import InputError, UnknownName
from tfctr.layers.interaction.mlp import MLP
from tfctr.layers.sequence.events import RealEvents
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["TargetAttention"]

NORMALIZATIONS = ("none", "softmax")


@serializable
class TargetAttention(keras.layers.Layer):
    """Pools events by how much each matters to each candidate.

    An MLP on candidate, event and their product scores each pair; the event parts
    are computed once for all candidates. Its first layer
    `W_c c + W_e e + W_p (c * e) + b` spans the same functions as one on the
    concatenation `[c, e, c - e, c * e]`. A row without events pools to zeros.

    Args:
        hidden_units: Widths of the scoring MLP before its last, scalar layer.
        activation: Activation of the scoring MLP.
        normalization: `"none"`: scores are the weights, so that their sum tells how
            strong the interest is, as in the paper; `"softmax"`: weights sum to one.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        candidates: `(batch, candidates, dim)` floats.
        events: `(batch, time, dim)` floats.
        events_mask: `(batch, time)` booleans, `True` where an event is real.

    Returns:
        `(batch, candidates, dim)` in the compute dtype.

    Source: Zhou et al., Deep Interest Network, KDD 2018, section 4.3, equation (3).
    """

    def __init__(
        self,
        *,
        hidden_units: Sequence[int] = (32, 16),
        activation: Any = "relu",
        normalization: str = "none",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if normalization not in NORMALIZATIONS:
            raise UnknownName("normalization", normalization, NORMALIZATIONS)
        self.hidden_units = list(hidden_units)
        if not self.hidden_units or min(self.hidden_units) < 1:
            raise InputError(
                "hidden_units", received=self.hidden_units, expected="positive widths"
            )
        self.activation = keras.activations.get(activation)
        self.normalization = normalization
        self.seed = seed
        self.scorer = (
            MLP(
                self.hidden_units[1:],
                activation=self.activation,
                seed=seed,
                dtype=self.dtype_policy,
                name="scorer",
            )
            if len(self.hidden_units) > 1
            else None
        )
        self.score = keras.layers.Dense(
            1,
            use_bias=normalization == "none",  # a softmax would not feel it
            kernel_initializer=glorot(seed, "score"),
            dtype=self.dtype_policy,
            name="score",
        )

    def build(self, candidates_shape: Shape, events_shape: Shape) -> None:
        dim, units = events_shape[-1], self.hidden_units[0]
        for name in ("candidate_kernel", "event_kernel", "product_kernel"):
            weight = self.add_weight(
                name=name, shape=(dim, units), initializer=glorot(self.seed, name)
            )
            setattr(self, name, weight)
        self.bias = self.add_weight(name="bias", shape=(units,), initializer="zeros")
        if self.scorer is not None:
            self.scorer.build((None, None, None, units))
        self.score.build((None, None, None, self.hidden_units[-1]))

    def call(
        self, candidates: Tensor, events: Tensor, events_mask: Tensor | None = None
    ) -> Tensor:
        by_candidate = ops.matmul(candidates, self.candidate_kernel) + self.bias
        by_event = ops.matmul(events, self.event_kernel)  # (batch, time, units)
        # One (units x time) product a candidate: nothing of size candidates * time
        # * dim is made.
        weighted = ops.expand_dims(candidates, 2) * ops.transpose(self.product_kernel)
        product = ops.matmul(
            weighted, ops.expand_dims(ops.transpose(events, (0, 2, 1)), 1)
        )  # (batch, candidates, units, time)
        hidden = (
            ops.transpose(product, (0, 1, 3, 2))
            + ops.expand_dims(by_candidate, 2)
            + ops.expand_dims(by_event, 1)
        )
        hidden = self.activation(hidden)
        if self.scorer is not None:
            hidden = self.scorer(hidden)
        scores = ops.cast(ops.squeeze(self.score(hidden), -1), "float32")
        weights = self._weights(scores, events_mask)
        return ops.matmul(ops.cast(weights, self.compute_dtype), events)

    def pool(self, candidates: Tensor, events: Tensor, layout: RealEvents) -> Tensor:
        """One candidate for each history, whose real events come as a flat list.

        The same result as a call with one candidate, at the cost of the real events.

        Args:
            candidates: `(batch, dim)` floats.
            events: `(events, dim)` floats.
            layout: Which history each event is part of.

        Returns:
            `(batch, dim)` in the compute dtype.
        """
        if not self.built:
            self.build((None, None, events.shape[-1]), (None, None, events.shape[-1]))
        is_relu = self.activation is keras.activations.relu
        if is_relu and kernels.is_compiled(candidates, events, self.event_kernel.value):
            return self._compiled(candidates, events, layout)
        own = layout.spread(candidates)
        kernel = ops.concatenate(
            [self.candidate_kernel, self.event_kernel, self.product_kernel], axis=0
        )
        hidden = ops.matmul(kernels.concat([own, events, own * events]), kernel)
        hidden = self.activation(ops.add(hidden, self.bias))
        if self.scorer is not None:
            hidden = self.scorer(hidden)
        scores = ops.cast(self.score(hidden), "float32")
        if self.normalization == "softmax":
            scores = layout.softmax(scores)
        return layout.sum(ops.cast(scores, self.compute_dtype) * events)

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Ends the mask here: the output has no time axis."""

    def compute_output_shape(
        self, candidates_shape: Shape, events_shape: Shape
    ) -> Shape:
        return (*candidates_shape[:2], events_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
            "normalization": self.normalization,
            "seed": self.seed,
        }

    def _compiled(
        self, candidates: Tensor, events: Tensor, layout: RealEvents
    ) -> Tensor:
        layers = [] if self.scorer is None else self.scorer.dense_layers
        bias = self.score.bias if self.score.use_bias else ops.zeros((1,))
        return native.pooled_attention(
            candidates,
            ops.matmul(candidates, self.candidate_kernel) + self.bias,
            events,
            layout.starts(),
            self.event_kernel,
            self.product_kernel,
            [(layer.kernel, layer.bias) for layer in layers],
            (self.score.kernel, bias),
            softmax=self.normalization == "softmax",
        )

    def _weights(self, scores: Tensor, events_mask: Tensor | None) -> Tensor:
        real = True if events_mask is None else ops.expand_dims(events_mask, 1)
        if self.normalization == "softmax":
            scores = ops.softmax(ops.where(real, scores, -1e9), axis=-1)
        return ops.where(real, scores, 0.0)
