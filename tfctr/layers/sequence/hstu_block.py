"""The HSTU block: pointwise attention to the past, gated."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.sequence.flow_pairs import Pairs, past_pairs
from tfctr.layers.sequence.hstu_settings import HSTUSettings
from tfctr.layers.sequence.prefix_attention import PrefixAttention, root_scale
from tfctr.layers.sequence.relative_bias import RelativeBias
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["HSTUBlock", "Projected"]

EPSILON = 1e-6


class Projected(NamedTuple):
    """What one product makes of tokens, `(batch, time, heads, dim)` each."""

    gates: Tensor
    queries: Tensor
    keys: Tensor
    values: Tensor


@serializable
class HSTUBlock(keras.layers.Layer):
    """Reads a sequence of events: each token gathers from itself and those before.

    `U, Q, K, V = split(silu(LN(x) W))`, `A = silu(Q K' + bias) / divisor` where a key
    is not later, `y = x + (LN(A V) * U) W_o`; no softmax, and no layer beside it.
    Padding stands at the end, where nothing real sees it.

    Args:
        settings: What differs from it: `HSTUSettings` or its dict, with `divisor`.
        seed: Seed of initial values and dropout.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        tokens: `(batch, time, width)` floats, oldest first.
        times: `(batch, time)` integer seconds, -1 where missing; optional.
        training: Whether dropout is on.

    Returns:
        `(batch, time, width)` in the compute dtype.

    Source: Zhai et al., Actions Speak Louder than Words, ICML 2024, equations 1 to 3.
    """

    def __init__(
        self,
        settings: HSTUSettings | Mapping[str, Any],
        *,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        # Half precision cannot hold Unix times.
        super().__init__(autocast=False, **kwargs)
        if isinstance(settings, Mapping):
            settings = HSTUSettings(**settings)
        if settings.divisor is None:
            raise InputError(
                "divisor",
                received="none",
                expected="one number for training and serving",
            )
        self.settings = settings
        self.seed = seed
        policy = self.dtype_policy
        self.input_norm = self._norm("input_norm")
        self.result_norm = self._norm("result_norm")
        self.bias = RelativeBias(
            settings.max_distance * settings.position_bias,
            settings.num_time_buckets * settings.time_bias,
            seed=seed,
            dtype=policy,
            name="bias",
        )
        self.dropout_layer = keras.layers.Dropout(
            settings.dropout, seed=seed, dtype=policy, name="dropout"
        )

    def build(self, tokens_shape: Shape, *_: Shape, **__: Shape) -> None:
        settings, width = self.settings, tokens_shape[-1]
        by_head = math.ceil((width or 1) / settings.num_heads)
        self.query_dim = settings.query_dim or by_head
        self.value_dim = settings.value_dim or by_head
        policy, num_heads = self.dtype_policy, settings.num_heads
        self.uqkv = keras.layers.Dense(
            2 * num_heads * (self.query_dim + self.value_dim),
            use_bias=settings.projection_bias,
            kernel_initializer=glorot(self.seed, "uqkv"),
            dtype=policy,
            name="uqkv",
        )
        self.output_layer = keras.layers.Dense(
            width,
            kernel_initializer=glorot(self.seed, "output"),
            dtype=policy,
            name="output",
        )
        inner = num_heads * self.value_dim
        self.input_norm.build((None, None, width))
        self.uqkv.build((None, None, width))
        self.bias.build()
        self.result_norm.build((None, None, inner))
        is_gated = settings.output == "gated"
        self.output_layer.build((None, None, inner if is_gated else 3 * inner))
        self.attention = PrefixAttention(
            settings.attention,
            float(settings.divisor or 1),
            root_scale(self.query_dim) if settings.scale_scores else 1.0,
        )

    def call(
        self, tokens: Tensor, times: Tensor | None = None, training: bool = False
    ) -> Tensor:
        pairs = past_pairs(tokens, times, self.last_bucket)
        return self.read(tokens, pairs, training)[0]

    @property
    def last_bucket(self) -> int:
        """Last bucket of time; 0 if this block does not look at times."""
        return self.settings.num_time_buckets * self.settings.time_bias

    # The parts, for those who have two flows or score candidates --------------------

    def read(
        self, tokens: Tensor, pairs: Pairs, training: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens after this block, and their keys and values.

        Args:
            tokens: `(batch, time, width)`, oldest first.
            pairs: `past_pairs` of them.
            training: Whether dropout is on.
        """
        tokens = ops.cast(tokens, self.compute_dtype)
        made = self.project(tokens)
        found = self.attend(made, made.keys, made.values, pairs)
        return self.finish(tokens, made.gates, found, training), made.keys, made.values

    def project(self, tokens: Tensor) -> Projected:
        """Gates, queries, keys and values of tokens.

        Args:
            tokens: `(batch, time, width)`.
        """
        widths = (self.value_dim, self.query_dim, self.query_dim, self.value_dim)
        projected = self.uqkv(self.input_norm(tokens))
        if self.settings.activated == "all":
            return Projected(*self._split(ops.silu(projected), widths))
        gates, *others = self._split(projected, widths)
        return Projected(ops.silu(gates), *others)

    def keys_values(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of tokens alone: `project` without the other half.

        Args:
            tokens: `(batch, time, width)`.
        """
        start = self.settings.num_heads * (self.value_dim + self.query_dim)
        normed = self.input_norm(ops.cast(tokens, self.compute_dtype))
        projected = ops.matmul(
            normed, ops.cast(self.uqkv.kernel, normed.dtype)[:, start:]
        )
        if self.uqkv.use_bias:
            projected = projected + ops.cast(self.uqkv.bias, normed.dtype)[start:]
        if self.settings.activated == "all":
            projected = ops.silu(projected)
        keys, values = self._split(projected, (self.query_dim, self.value_dim))
        return keys, values

    def attend(
        self,
        made: Projected,
        keys: Tensor,
        values: Tensor,
        pairs: Pairs,
        is_fake: bool = False,
    ) -> Tensor:
        """What tokens gather from keys, `(batch, queries, heads, value_dim)`.

        Args:
            made: The tokens, projected.
            keys: `(batch, keys, heads, query_dim)`.
            values: `(batch, keys, heads, value_dim)`.
            pairs: Which keys each query sees.
            is_fake: Whether each token also sees itself, if the settings say so.
        """
        has_own = is_fake and self.settings.diagonal == "fake"
        own = (made.keys, made.values, self._own_bias(pairs)) if has_own else None
        bias = self._bias(pairs, ops.shape(keys)[1])
        return self.attention(made.queries, keys, values, pairs.visible, bias, own)

    def finish(
        self, tokens: Tensor, gates: Tensor, found: Tensor, training: bool = False
    ) -> Tensor:
        """Tokens plus the projection of what they gathered.

        Args:
            tokens: `(batch, time, width)`.
            gates: `(batch, time, heads, value_dim)`.
            found: Of the same shape: what `attend` gave.
            training: Whether dropout is on.
        """
        gates, found = _flat(gates), _flat(found)
        gated = gates * self.result_norm(found)
        if self.settings.output == "concat":
            gated = ops.concatenate([gates, found, gated], axis=-1)
        gated = self.dropout_layer(gated, training=training)
        return tokens + self.output_layer(gated)

    def compute_output_shape(self, tokens_shape: Shape, *_: Any, **__: Any) -> Shape:
        return tuple(tokens_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "settings": self.settings.to_dict(),
            "seed": self.seed,
        }

    def _norm(self, name: str) -> keras.layers.LayerNormalization:
        return keras.layers.LayerNormalization(
            epsilon=EPSILON,
            center=self.settings.affine,
            scale=self.settings.affine,
            dtype=self.dtype_policy,
            name=name,
        )

    def _split(self, projected: Tensor, widths: tuple[int, ...]) -> list[Tensor]:
        """Parts `(batch, time, heads, dim)` of those widths a head."""
        num_heads, parts, start = self.settings.num_heads, [], 0
        batch, time = ops.shape(projected)[:2]
        for width in widths:
            part = projected[..., start : start + num_heads * width]
            parts.append(ops.reshape(part, (batch, time, num_heads, width)))
            start += num_heads * width
        return parts

    def _bias(self, pairs: Pairs, num_keys: Any) -> Tensor | None:
        parts = []
        if self.bias.positions is not None:
            parts.append(self.bias.by_position(pairs.places, num_keys))
        if self.bias.times is not None and pairs.buckets is not None:
            parts.append(self.bias.by_time(pairs.buckets))
        return sum(parts[1:], parts[0]) if parts else None

    def _own_bias(self, pairs: Pairs) -> Tensor | None:
        """Biases at distance 0."""
        parts = []
        if self.bias.positions is not None:
            zeros = ops.zeros_like(pairs.places, "float32")
            parts.append(self.bias.positions[0] + zeros)
        if self.bias.times is not None and pairs.own is not None:
            parts.append(self.bias.by_time(pairs.own))
        return sum(parts[1:], parts[0]) if parts else None


def _flat(values: Tensor) -> Tensor:
    """`(batch, time, heads * dim)` of `(batch, time, heads, dim)`."""
    batch, time, num_heads, dim = ops.shape(values)
    return ops.reshape(values, (batch, time, num_heads * dim))
