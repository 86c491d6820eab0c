"""The block of a causal transformer, as SASRec has it."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.sequence.flow_pairs import past_pairs
from tfctr.layers.sequence.prefix_attention import PrefixAttention, root_scale
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["CausalSoftmaxBlock"]


@serializable
class CausalSoftmaxBlock(keras.layers.Layer):
    """Softmax attention to the past, then a feed-forward layer, each with a residual.

    `y = x + softmax(Q K' / root(dim)) V W_o` with `Q, K, V` from `LN(x)`, and
    `z = y + W_2 relu(W_1 LN(y))`.

    Args:
        num_heads: Number of heads; divides the width.
        dropout: Share that is dropped of what each residual adds.
        seed: Seed of initial values and dropout.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        tokens: `(batch, time, width)` floats, oldest first, padding at the end.
        training: Whether dropout is on.

    Returns:
        `(batch, time, width)` in the compute dtype.

    Source: Kang and McAuley, SASRec, ICDM 2018, with keys normalized as queries are.
    """

    def __init__(
        self, num_heads: int = 2, *, dropout: float = 0.0, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if num_heads < 1:
            raise InputError("num_heads", received=num_heads, expected="at least 1")
        self.num_heads = num_heads
        self.dropout = dropout
        self.seed = seed
        policy = self.dtype_policy
        self.dropout_layer = keras.layers.Dropout(
            dropout, seed=seed, dtype=policy, name="dropout"
        )
        self.norms = [
            keras.layers.LayerNormalization(dtype=policy, name=name)
            for name in ("attention_norm", "hidden_norm")
        ]

    def build(self, tokens_shape: Shape) -> None:
        width = tokens_shape[-1] or 1
        if width % self.num_heads:
            raise InputError(
                "num_heads",
                received=f"{self.num_heads} for tokens of width {width}",
                expected="a divisor of it",
            )
        layers = {
            "qkv": (3 * width, False, None),
            "output": (width, True, None),
            "hidden": (width, True, "relu"),
            "hidden_output": (width, True, None),
        }
        self.dense = {
            name: keras.layers.Dense(
                units,
                use_bias=use_bias,
                activation=activation,
                kernel_initializer=glorot(self.seed, name),
                dtype=self.dtype_policy,
                name=name,
            )
            for name, (units, use_bias, activation) in layers.items()
        }
        for layer in (*self.norms, *self.dense.values()):
            layer.build((None, None, width))
        scale = root_scale(width // self.num_heads)
        self.attention = PrefixAttention("softmax", 1.0, scale)

    def call(self, tokens: Tensor, training: bool = False) -> Tensor:
        batch, time, width = ops.shape(tokens)
        projected = self.dense["qkv"](self.norms[0](tokens))
        shape = (batch, time, 3, self.num_heads, width // self.num_heads)
        queries, keys, values = ops.unstack(ops.reshape(projected, shape), 3, axis=2)
        visible = past_pairs(tokens, None, 0).visible
        found = self.attention(queries, keys, values, visible)
        found = self.dense["output"](ops.reshape(found, (batch, time, width)))
        tokens = tokens + self.dropout_layer(found, training=training)
        hidden = self.dense["hidden"](self.norms[1](tokens))
        hidden = self.dense["hidden_output"](hidden)
        return tokens + self.dropout_layer(hidden, training=training)

    def compute_output_shape(self, tokens_shape: Shape) -> Shape:
        return tuple(tokens_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "seed": self.seed,
        }
