"""Residual quantization: a vector as a sum of one codeword of each level."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.quantization.codewords import codewords
from tfctr.layers.quantization.residual_kmeans import residual_kmeans
from tfctr.saving import serializable
from tfctr.seeds import derived_seed, normal
from tfctr.types import Shape, Tensor

__all__ = ["ResidualQuantizer"]


@serializable
class ResidualQuantizer(keras.layers.Layer):
    """Picks the nearest codeword, subtracts it, goes on with the rest.

    `r_1 = z`, `k_l = argmin_k ||r_l - C^l_k||^2` (the lowest `k` of equal ones),
    `r_(l+1) = r_l - C^l_(k_l)`, so that `z = sum_l C^l_(k_l) + r_(L+1)`.

    The `loss` of a row, `sum_l ||sg(r_l) - c_l||^2 + commitment ||r_l - sg(c_l)||^2`
    (sums over features, `sg` stops gradients), moves codewords to residuals, and the
    latent to its codewords. The residuals are taken of stopped codewords, so each level
    trains its own codebook only and every level reaches the latent. Numbers are float32
    whatever the policy.

    Args:
        num_levels: Number of levels, each with a codebook of its own.
        num_codes: Number of codes of each level.
        straight_through: Whether the gradient of `quantized` goes to the latent as it
            is, once for all levels; else it goes to the codewords.
        commitment: Weight of the second term of the loss.
        stddev: Deviation of the codebooks' initial values.
        revive_below: A code whose share of the rows, averaged over time, falls below
            this part of an equal share `1 / num_codes` is replaced, in training, by a
            residual of the batch drawn at random. 0 for never.
        decay: How much of the average share stays after a batch.
        seed: Seed of initial values and draws.
        **kwargs: Passed to `keras.layers.Layer`.

    Attributes:
        codebooks: `(num_levels, num_codes, dim)` weight.

    Call arguments:
        latents: `(..., dim)` floats.
        training: Whether codes are revived.

    Returns:
        Dict of `codes` `(..., num_levels)` int32, `quantized` `(..., dim)`, the last
        `residual` `(..., dim)` and `loss` `(...,)`, float32.

    >>> found = ResidualQuantizer(num_levels=3, num_codes=4)(ops.ones((2, 5)))
    >>> tuple(found["codes"].shape), tuple(found["quantized"].shape)
    ((2, 3), (2, 5))

    Source: Zeghidour et al., SoundStream, 2021 (residual quantization, revival);
    van den Oord et al., VQ-VAE, NeurIPS 2017 (loss, straight-through).
    """

    def __init__(
        self,
        *,
        num_levels: int = 3,
        num_codes: int = 64,
        straight_through: bool = True,
        commitment: float = 0.25,
        stddev: float = 0.1,
        revive_below: float = 0.0,
        decay: float = 0.99,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        # Codes of half precision would not be those that are stored.
        super().__init__(autocast=False, **kwargs)
        for name, number, least in (
            ("num_levels", num_levels, 1),
            ("num_codes", num_codes, 2),
        ):
            if number < least:
                raise InputError(
                    name, received=number, expected=f"a number from {least}"
                )
        for name, share in (("revive_below", revive_below), ("decay", decay)):
            if not 0 <= share < 1:
                raise InputError(name, received=share, expected="a number in [0, 1)")
        if commitment < 0:
            raise InputError("commitment", received=commitment, expected=">= 0")
        self.num_levels = num_levels
        self.num_codes = num_codes
        self.straight_through = straight_through
        self.commitment = commitment
        self.stddev = stddev
        self.revive_below = revive_below
        self.decay = decay
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(derived_seed(seed, "revival"))

    def build(self, latents_shape: Shape) -> None:
        self.codebooks = self.add_weight(
            name="codebooks",
            shape=(self.num_levels, self.num_codes, latents_shape[-1]),
            initializer=normal(self.seed, "codebooks", self.stddev),
            autocast=False,
        )
        self.started = self.add_weight(
            name="started", shape=(), initializer="zeros", trainable=False
        )
        if self.revive_below:
            self.usage = self.add_weight(
                name="usage",
                shape=(self.num_levels, self.num_codes),
                initializer=keras.initializers.Constant(1 / self.num_codes),
                trainable=False,
                autocast=False,
            )

    def call(self, latents: Tensor, training: bool = False) -> dict[str, Tensor]:
        latents = ops.cast(latents, "float32")
        codebooks = ops.convert_to_tensor(self.codebooks)
        residual, losses, codes, residuals = latents, 0.0, [], []
        for level in range(self.num_levels):
            code = _nearest(residual, codebooks[level])
            chosen = ops.take(codebooks[level], code, axis=0)
            losses += _squares(ops.stop_gradient(residual) - chosen)
            losses += self.commitment * _squares(residual - ops.stop_gradient(chosen))
            codes.append(code)
            residuals.append(residual)
            residual = residual - ops.stop_gradient(chosen)
        quantized = ops.sum(codewords(codebooks, ops.stack(codes, axis=-1)), axis=-2)
        if self.straight_through:
            # Adding zero, and not the rounded difference: the value is the codewords'.
            passed = latents - ops.stop_gradient(latents)
            quantized = ops.stop_gradient(quantized) + passed
        if training and self.revive_below:
            self._revive(codes, residuals)
        return {
            "codes": ops.stack(codes, axis=-1),
            "quantized": quantized,
            "residual": residual,
            "loss": losses,
        }

    def codes_of(self, latents: Tensor) -> Tensor:
        """int32 codes `(..., num_levels)` alone.

        Args:
            latents: `(..., dim)` floats.
        """
        codes = []
        for level in range(self.num_levels):
            code = _nearest(latents, self.codebooks[level])
            codes.append(code)
            latents = latents - ops.take(self.codebooks[level], code, axis=0)
        return ops.stack(codes, axis=-1)

    def start(self, latents: Tensor, *, iterations: int = 10) -> None:
        """Sets the codebooks by k-means, level by level; to be called eagerly.

        Args:
            latents: `(rows, dim)` floats, at least `num_codes` distinct rows.
            iterations: Number of Lloyd's iterations.

        Raises:
            InputError: There are fewer distinct rows than codes.
        """
        if not self.is_built:
            self.build(tuple(latents.shape))
        self.codebooks.assign(
            residual_kmeans(
                latents,
                self.num_levels,
                self.num_codes,
                iterations=iterations,
                seed=derived_seed(self.seed, "kmeans"),
            )
        )
        self.started.assign(1.0)

    @property
    def is_started(self) -> bool:
        """Whether the codebooks were set by `start`; saved with the weights."""
        return self.is_built and bool(ops.convert_to_numpy(self.started) > 0)

    @property
    def is_built(self) -> bool:
        """Whether the codebooks are there."""
        return hasattr(self, "codebooks")

    def compute_output_shape(self, latents_shape: Shape) -> dict[str, Shape]:
        outer = tuple(latents_shape[:-1])
        return {
            "codes": (*outer, self.num_levels),
            "quantized": tuple(latents_shape),
            "residual": tuple(latents_shape),
            "loss": outer,
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_levels": self.num_levels,
            "num_codes": self.num_codes,
            "straight_through": self.straight_through,
            "commitment": self.commitment,
            "stddev": self.stddev,
            "revive_below": self.revive_below,
            "decay": self.decay,
            "seed": self.seed,
        }

    def _revive(self, codes: list[Tensor], residuals: list[Tensor]) -> None:
        """Updates the shares, and puts residuals in place of codes without use."""
        width = self.codebooks.shape[-1]
        shares, books = [], []
        for level, (code, residual) in enumerate(zip(codes, residuals, strict=True)):
            flat, rows = ops.reshape(code, (-1,)), ops.reshape(residual, (-1, width))
            count = ops.maximum(ops.cast(ops.size(flat), "float32"), 1.0)
            used = ops.segment_sum(ops.ones_like(flat, "float32"), flat, self.num_codes)
            share = self.decay * self.usage[level] + (1 - self.decay) * used / count
            is_dead = share < self.revive_below / self.num_codes
            draws = keras.random.uniform((self.num_codes,), seed=self.seed_generator)
            picked = ops.cast(draws * count, "int32")
            picked = ops.minimum(picked, ops.cast(count, "int32") - 1)
            drawn = ops.stop_gradient(ops.take(rows, picked, axis=0))
            kept = self.codebooks[level]
            books.append(ops.where(ops.expand_dims(is_dead, -1), drawn, kept))
            shares.append(ops.where(is_dead, 1 / self.num_codes, share))
        self.usage.assign(ops.stack(shares))
        self.codebooks.assign(ops.stack(books))


def _nearest(residual: Tensor, codebook: Tensor) -> Tensor:
    """int32 index of the nearest codeword; the lowest of equally near ones."""
    # Without the square of the residual, which all codewords have in common.
    products = ops.matmul(residual, ops.transpose(codebook))
    scores = ops.sum(ops.square(codebook), axis=-1) - 2 * products
    return ops.cast(ops.argmin(scores, axis=-1), "int32")


def _squares(difference: Tensor) -> Tensor:
    return ops.sum(ops.square(difference), axis=-1)
