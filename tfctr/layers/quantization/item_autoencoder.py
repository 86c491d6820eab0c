"""An autoencoder whose middle is a few codes: items, as TARQ quantizes them."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.mlp import MLP
from tfctr.layers.quantization.residual_quantizer import ResidualQuantizer
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["ItemAutoencoder"]


@serializable
class ItemAutoencoder(keras.layers.Layer):
    """Encodes rows to latents of one length, quantizes them, and decodes the codes.

    Of `y = x / rms(x)`, the row at a mean square of 1: `z = norm * unit(encoder(y))`,
    `q` its quantized form, and `loss = ||sg(y) - decoder(q)||^2 + loss of the
    quantizer`, sums over features. Embeddings are small at first; a target as small as
    they are lets all items fall to one code. The target is stopped, as rows that are
    trained would change to please the decoder. Latents of one length keep
    `softmax(-distance^2)` from saturating.

    Args:
        units: Widths of the encoder's layers; the last is that of the latents. The
            decoder has the same in reverse.
        quantizer: Arguments of `ResidualQuantizer` by name.
        norm: Length of the latents.
        seed: Seed of the initial values.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        rows: `(..., width)` floats.
        training: Whether codes are revived.

    Returns:
        Dict of `latents` `(..., units[-1])`, what the quantizer gives of them,
        `decoded` `(..., width)` and `loss` `(...,)`, float32.

    >>> found = ItemAutoencoder([4], quantizer={"num_levels": 2})(ops.ones((3, 6)))
    >>> tuple(found["latents"].shape), tuple(found["codes"].shape)
    ((3, 4), (3, 2))

    Source: TARQ, arXiv 2509.16931, whose autoencoder is not published; Lee et al.,
    RQ-VAE, CVPR 2022. See docs/methods/tarq.md.
    """

    def __init__(
        self,
        units: Sequence[int],
        *,
        quantizer: Mapping[str, Any] | None = None,
        norm: float = 1.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if norm <= 0:
            raise InputError("norm", received=norm, expected="a positive number")
        self.units = list(units)
        self.quantizer = dict(quantizer or {})
        self.norm = norm
        self.seed = seed
        self.encoder = MLP(
            self.units,
            final_activation="linear",
            seed=seed,
            dtype=self.dtype_policy,
            name="encoder",
        )
        self.quantization = ResidualQuantizer(
            **{"seed": seed, **self.quantizer}, name="quantization"
        )

    def build(self, rows_shape: Shape) -> None:
        width: Any = rows_shape[-1]
        self.decoder = MLP(
            [*self.units[-2::-1], width],
            final_activation="linear",
            seed=self.seed + 1,
            dtype=self.dtype_policy,
            name="decoder",
        )
        self.encoder.build(tuple(rows_shape))
        self.quantization.build((*rows_shape[:-1], self.units[-1]))
        self.decoder.build((*rows_shape[:-1], self.units[-1]))

    def call(self, rows: Tensor, training: bool = False) -> dict[str, Tensor]:
        latents = self.encode(rows)
        found = self.quantization(latents, training=training)
        decoded = ops.cast(self.decoder(found["quantized"]), "float32")
        missed = ops.stop_gradient(_scaled(rows)) - decoded
        loss = found["loss"] + ops.sum(ops.square(missed), axis=-1)
        return {**found, "latents": latents, "decoded": decoded, "loss": loss}

    def encode(self, rows: Tensor) -> Tensor:
        """float32 latents `(..., units[-1])`.

        Args:
            rows: `(..., width)` floats.
        """
        latents = ops.cast(self.encoder(_scaled(rows)), "float32")
        return self.norm * ops.normalize(latents, axis=-1)

    def compute_output_shape(self, rows_shape: Shape) -> dict[str, Shape]:
        latents = (*rows_shape[:-1], self.units[-1])
        shapes = self.quantization.compute_output_shape(latents)
        return {**shapes, "latents": latents, "decoded": tuple(rows_shape)}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "quantizer": self.quantizer,
            "norm": self.norm,
            "seed": self.seed,
        }


def _scaled(rows: Tensor) -> Tensor:
    """float32 rows with a mean square of 1; zeros stay zeros."""
    rows = ops.cast(rows, "float32")
    squares = ops.mean(ops.square(rows), axis=-1, keepdims=True)
    return rows * ops.rsqrt(squares + 1e-12)
