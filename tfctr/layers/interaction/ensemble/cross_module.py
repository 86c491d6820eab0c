"""Cross layers without a skip of their own."""

from typing import Any

from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.ensemble.interaction_module import InteractionModule
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["CrossModule"]


@serializable
class CrossModule(InteractionModule):
    """`x_{l+1} = x_0 * (W_l x_l + b_l)` on all embeddings side by side.

    As in DCN-v2, but without `+ x_l`: the shortcut of the ensemble takes its place.

    Args:
        num_layers: Number of cross layers.
        rank: Rank of the matrices; full by default, `(m d)^2` weights a layer.
        **kwargs: As for `InteractionModule`.

    Source: Zhang et al., DHEN, 2022, equation (7), on the flat vector.

    >>> tuple(CrossModule(num_outputs=2)(ops.ones((3, 4, 5))).shape)
    (3, 2, 5)
    """

    def __init__(
        self, num_layers: int = 1, *, rank: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("num_layers", num_layers), ("rank", rank)):
            if value is not None and value < 1:
                raise InputError(name, received=value, expected="a positive number")
        self.num_layers, self.rank = num_layers, rank

    def build_interaction(self, num_fields: int, dim: int) -> Shape:
        width = num_fields * dim
        shapes = (
            [(width, width)]
            if not self.rank
            else [
                (width, self.rank),
                (self.rank, width),
            ]
        )
        self.kernels, self.biases = [], []
        for place in range(self.num_layers):
            names = [f"kernel_{place}_{part}" for part in range(len(shapes))]
            self.kernels.append(
                [
                    self.add_weight(
                        name=name, shape=shape, initializer=glorot(self.seed, name)
                    )
                    for name, shape in zip(names, shapes, strict=True)
                ]
            )
            self.biases.append(
                self.add_weight(
                    name=f"bias_{place}", shape=(width,), initializer="zeros"
                )
            )
        return (width,)

    def interact(self, fields: Tensor, training: bool = False) -> Tensor:
        crossed = flat = ops.reshape(fields, (-1, fields.shape[1] * fields.shape[2]))
        for kernels, bias in zip(self.kernels, self.biases, strict=True):
            for kernel in kernels:
                crossed = ops.matmul(crossed, kernel)
            crossed = flat * (crossed + bias)
        return crossed

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "rank": self.rank,
        }
