"""MaskNet: hidden units multiplied by masks that the embeddings make."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.ensemble.interaction_module import InteractionModule
from tfctr.saving import serializable
from tfctr.seeds import derived_seed, glorot
from tfctr.types import Shape, Tensor

__all__ = ["MaskBlock", "MaskModule"]

EPSILON = 1e-6


@serializable
class MaskBlock(keras.layers.Layer):
    """`relu(LN(W (mask * hidden)))`, with `mask = V_2 relu(V_1 e + b_1) + b_2`.

    Args:
        units: Width of the result.
        reduction_ratio: Width of the mask's hidden layer over that of `hidden`.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        embeddings: `(batch, width)` floats: raw embeddings, which make the mask.
        hidden: `(batch, hidden width)` floats.

    Returns:
        `(batch, units)` in the compute dtype.

    Source: Wang et al., MaskNet, DLP-KDD 2021, equations (4) to (8).

    >>> tuple(MaskBlock(6)(ops.ones((2, 3)), ops.ones((2, 4))).shape)
    (2, 6)
    """

    def __init__(
        self, units: int, *, reduction_ratio: float = 1.0, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("units", units), ("reduction_ratio", reduction_ratio)):
            if not value > 0:
                raise InputError(name, received=value, expected="a positive number")
        self.units, self.reduction_ratio, self.seed = units, reduction_ratio, seed
        self.norm = keras.layers.LayerNormalization(
            epsilon=EPSILON, dtype=self.dtype_policy, name="norm"
        )

    def build(self, embeddings_shape: Shape, hidden_shape: Shape) -> None:
        width = hidden_shape[-1]
        if width is None:
            raise InputError("hidden", received="no width", expected="a fixed width")
        inner = max(1, round(self.reduction_ratio * width))
        for name, shape in (
            ("aggregation_kernel", (embeddings_shape[-1], inner)),
            ("projection_kernel", (inner, width)),
            ("kernel", (width, self.units)),
        ):
            weight = self.add_weight(
                name=name, shape=shape, initializer=glorot(self.seed, name)
            )
            setattr(self, name, weight)
        self.aggregation_bias = self.add_weight(
            name="aggregation_bias", shape=(inner,), initializer="zeros"
        )
        self.projection_bias = self.add_weight(
            name="projection_bias", shape=(width,), initializer="zeros"
        )
        self.norm.build((None, self.units))

    def mask(self, embeddings: Tensor) -> Tensor:
        """What `hidden` is multiplied by, `(batch, hidden width)`."""
        inner = ops.matmul(embeddings, self.aggregation_kernel) + self.aggregation_bias
        return (
            ops.matmul(ops.relu(inner), self.projection_kernel) + self.projection_bias
        )

    def call(self, embeddings: Tensor, hidden: Tensor) -> Tensor:
        masked = ops.matmul(self.mask(embeddings) * hidden, self.kernel)
        return ops.relu(self.norm(masked))

    def compute_output_shape(
        self, embeddings_shape: Shape, hidden_shape: Shape
    ) -> Shape:
        return (*hidden_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "reduction_ratio": self.reduction_ratio,
            "seed": self.seed,
        }


@serializable
class MaskModule(InteractionModule):
    """Mask blocks side by side, or one on the other, without a skip.

    The first blocks see each embedding normalised over its width; all masks see the
    raw embeddings.

    Args:
        num_blocks: Number of blocks.
        units: Width of each block.
        form: `"parallel"`: the blocks' results side by side; `"serial"`: each takes the
            one before.
        reduction_ratio: As for `MaskBlock`.
        **kwargs: As for `InteractionModule`.

    Source: Wang et al., MaskNet, DLP-KDD 2021; which form Zhuang et al., WWW 2025, use
    is not published.

    >>> tuple(MaskModule(2, units=6, num_outputs=2)(ops.ones((3, 4, 5))).shape)
    (3, 2, 5)
    """

    def __init__(
        self,
        num_blocks: int = 2,
        *,
        units: int = 64,
        form: str = "parallel",
        reduction_ratio: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_blocks < 1:
            raise InputError(
                "num_blocks", received=num_blocks, expected="a positive number"
            )
        if form not in ("parallel", "serial"):
            raise InputError("form", received=form, expected="'parallel' or 'serial'")
        self.num_blocks, self.units, self.form = num_blocks, units, form
        self.reduction_ratio = reduction_ratio
        self.norm = keras.layers.LayerNormalization(
            epsilon=EPSILON, dtype=self.dtype_policy, name="norm"
        )
        self.blocks = [self._block(place) for place in range(num_blocks)]

    def build_interaction(self, num_fields: int, dim: int) -> Shape:
        self.norm.build((None, num_fields, dim))
        flat = hidden = (None, num_fields * dim)
        for block in self.blocks:
            block.build(flat, hidden)
            if self.form == "serial":
                hidden = (None, self.units)
        return (self.units * (self.num_blocks if self.form == "parallel" else 1),)

    def interact(self, fields: Tensor, training: bool = False) -> Tensor:
        flat_shape = (-1, fields.shape[1] * fields.shape[2])
        flat = ops.reshape(fields, flat_shape)
        hidden = ops.reshape(self.norm(fields), flat_shape)
        if self.form == "parallel":
            parts = [block(flat, hidden) for block in self.blocks]
            return ops.concatenate(parts, axis=-1)
        for block in self.blocks:
            hidden = block(flat, hidden)
        return hidden

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_blocks": self.num_blocks,
            "units": self.units,
            "form": self.form,
            "reduction_ratio": self.reduction_ratio,
        }

    def _block(self, place: int) -> MaskBlock:
        return MaskBlock(
            self.units,
            reduction_ratio=self.reduction_ratio,
            seed=derived_seed(self.seed, f"block_{place}"),
            dtype=self.dtype_policy,
            name=f"block_{place}",
        )
