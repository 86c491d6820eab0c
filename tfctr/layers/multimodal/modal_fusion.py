"""Fusion of modalities as the candidate asks for them."""

from typing import Any

import keras
from keras import ops

from tfctr.layers.interaction.cross_network import CrossNetwork
from tfctr.layers.interaction.mlp import MLP
from tfctr.layers.softmax import softmax
from tfctr.saving import serializable
from tfctr.seeds import derived_seed, glorot
from tfctr.types import Shape, Tensor

__all__ = ["ModalFusion"]

KERNELS = ("query_kernel", "key_kernel", "value_kernel")


@serializable
class ModalFusion(keras.layers.Layer):
    """Gated by the candidate, crossed, and attended to by the candidate.

    `g = sigmoid(mlp(target))`, one gate for each number of each entry; `c` the cross
    network of the gated entries side by side; `a = sum_j softmax(Q(target) K(c)^T /
    sqrt(dim))_j V(c_j)`.

    Args:
        num_cross_layers: Layers of the cross network.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        entries: `(batch, entries, dim)` floats.
        target: `(batch, dim)` floats: the candidate.

    Returns:
        `(batch, (entries + 1) dim)`: `a`, then `c`. In the compute dtype.

    Source: Diff-MSIN, SIGIR 2025, the feature dynamic adaptive fusion of its framework
    figure.

    >>> tuple(ModalFusion()(ops.ones((2, 3, 4)), ops.ones((2, 4))).shape)
    (2, 16)
    """

    def __init__(
        self, *, num_cross_layers: int = 2, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_cross_layers, self.seed = num_cross_layers, seed
        self.cross = CrossNetwork(
            num_cross_layers,
            seed=derived_seed(seed, "cross"),
            dtype=self.dtype_policy,
            name="cross",
        )

    def build(self, entries_shape: Shape, target_shape: Shape) -> None:
        count, dim = (int(size or 0) for size in entries_shape[-2:])
        self.gate = MLP(
            [2 * dim, count * dim],
            final_activation="sigmoid",
            seed=derived_seed(self.seed, "gate"),
            dtype=self.dtype_policy,
            name="gate",
        )
        self.gate.build((None, target_shape[-1]))
        self.cross.build((None, count * dim))
        for name in KERNELS:
            width = target_shape[-1] if name == "query_kernel" else dim
            weight = self.add_weight(
                name=name, shape=(width, dim), initializer=glorot(self.seed, name)
            )
            setattr(self, name, weight)

    def gates(self, entries: Tensor, target: Tensor) -> Tensor:
        """What entries are multiplied by, `(batch, entries, dim)`; of the target."""
        return ops.reshape(self.gate(target), ops.shape(entries))

    def crossed(self, entries: Tensor, target: Tensor) -> Tensor:
        """Gated and crossed entries, `(batch, entries, dim)`."""
        gated = self.gates(entries, target) * entries
        flat = ops.reshape(gated, (-1, entries.shape[-2] * entries.shape[-1]))
        return ops.reshape(self.cross(flat), ops.shape(entries))

    def weights_of(self, crossed: Tensor, target: Tensor) -> Tensor:
        """Attention of the target to crossed entries, `(batch, entries)`; sum 1."""
        keys = ops.matmul(crossed, self.key_kernel)
        query = ops.matmul(target, self.query_kernel)
        scores = ops.cast(ops.einsum("bd,bnd->bn", query, keys), "float32")
        return softmax(scores / crossed.shape[-1] ** 0.5)

    def call(self, entries: Tensor, target: Tensor) -> Tensor:
        crossed = self.crossed(entries, target)
        weights = ops.cast(self.weights_of(crossed, target), self.compute_dtype)
        values = ops.matmul(crossed, self.value_kernel)
        attended = ops.einsum("bn,bnd->bd", weights, values)
        flat = ops.reshape(crossed, (-1, entries.shape[-2] * entries.shape[-1]))
        return ops.concatenate([attended, flat], axis=-1)

    def compute_output_shape(self, entries_shape: Shape, target_shape: Shape) -> Shape:
        count, dim = (int(size or 0) for size in entries_shape[-2:])
        return (entries_shape[0], (count + 1) * dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_cross_layers": self.num_cross_layers,
            "seed": self.seed,
        }
