"""A convolution over the image that embeddings make."""

from typing import Any

from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.ensemble.interaction_module import InteractionModule
from tfctr.saving import serializable
from tfctr.seeds import glorot
from tfctr.types import Shape, Tensor

__all__ = ["ConvolutionModule"]


@serializable
class ConvolutionModule(InteractionModule):
    """A two-dimensional convolution over the image of `(fields, dim)`.

    It depends on the order of the embeddings, which is that of the schema.

    Args:
        kernel_size: Height and width of the kernel.
        num_filters: Images that it makes; their rows are the embeddings to map.
        **kwargs: As for `InteractionModule`.

    Source: Zhang et al., DHEN, 2022, equation (5).

    >>> tuple(ConvolutionModule(3, num_outputs=2)(ops.ones((3, 4, 5))).shape)
    (3, 2, 5)
    """

    def __init__(
        self, kernel_size: int = 3, *, num_filters: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("kernel_size", kernel_size), ("num_filters", num_filters)):
            if value < 1:
                raise InputError(name, received=value, expected="a positive number")
        self.kernel_size, self.num_filters = kernel_size, num_filters

    def build_interaction(self, num_fields: int, dim: int) -> Shape:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, 1, self.num_filters),
            initializer=glorot(self.seed, "kernel"),
        )
        return (num_fields * self.num_filters, dim)

    def interact(self, fields: Tensor, training: bool = False) -> Tensor:
        images = ops.conv(ops.expand_dims(fields, -1), self.kernel, padding="same")
        rows = ops.transpose(images, (0, 1, 3, 2))
        return ops.reshape(rows, (-1, rows.shape[1] * rows.shape[2], rows.shape[3]))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "num_filters": self.num_filters,
        }
