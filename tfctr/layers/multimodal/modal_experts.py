"""Special and common experts of each modality."""

from typing import Any

import keras
from keras import ops

from tfctr.layers.interaction.mlp import MLP
from tfctr.saving import serializable
from tfctr.seeds import derived_seed
from tfctr.types import Shape, Tensor

__all__ = ["ModalExperts"]

KINDS = ("special", "common")


@serializable
class ModalExperts(keras.layers.Layer):
    """What each modality alone knows, and what all of them know.

    For modality `m`: `special_m = f_m(h_m)` and `common_m = c_m(h_m)`, each an MLP of
    widths `2 dim` and `dim` with ReLU between, all with weights of their own.
    `tfctr.losses.knowledge_decoupling_loss` draws special ones apart and common ones
    together.

    Args:
        residual: Whether experts add what they get, as in the released code.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        interests: `(..., modalities, dim)` floats.

    Returns:
        Dict of `special` and `common`, each `(..., modalities, dim)` in the compute
        dtype.

    Source: Diff-MSIN, SIGIR 2025, the modal enhancement of its framework figure.

    >>> found = ModalExperts()(ops.ones((2, 3, 4)))
    >>> tuple(found["special"].shape)
    (2, 3, 4)
    """

    def __init__(self, *, residual: bool = False, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.residual, self.seed = residual, seed

    def build(self, interests_shape: Shape) -> None:
        count, dim = (int(size or 0) for size in interests_shape[-2:])
        for kind in KINDS:
            experts = [self._expert(f"{kind}_{place}", dim) for place in range(count)]
            setattr(self, f"{kind}_experts", experts)

    def call(self, interests: Tensor) -> dict[str, Tensor]:
        parts = ops.unstack(interests, axis=-2)
        return {
            kind: ops.stack(
                [
                    expert(part) + part if self.residual else expert(part)
                    for expert, part in zip(
                        getattr(self, f"{kind}_experts"), parts, strict=True
                    )
                ],
                axis=-2,
            )
            for kind in KINDS
        }

    def compute_output_shape(self, interests_shape: Shape) -> dict[str, Shape]:
        return dict.fromkeys(KINDS, tuple(interests_shape))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "residual": self.residual,
            "seed": self.seed,
        }

    def _expert(self, name: str, dim: int) -> MLP:
        expert = MLP(
            [2 * dim, dim],
            final_activation="linear",
            seed=derived_seed(self.seed, name),
            dtype=self.dtype_policy,
            name=name,
        )
        expert.build((None, dim))
        return expert
