"""Synergy of modalities: each is disturbed, and restored from the others."""

from itertools import permutations
from typing import Any

import keras
import numpy as np
from keras import ops

from tfctr.errors import InputError
from tfctr.layers.interaction.mlp import MLP
from tfctr.layers.softmax import softmax
from tfctr.saving import serializable
from tfctr.seeds import derived_seed, glorot
from tfctr.types import Shape, Tensor

__all__ = ["ModalSynergy", "noise_schedule"]

# What the released code divides by at least, before the root.
CLAMP = 1e-8
KERNELS = ("query_kernel", "key_kernel", "value_kernel")


def noise_schedule(num_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """How much of a signal is left: `alpha_bar (T + 1,)`, and `alpha (T,)` by step.

    `alpha_bar_t = cos(0.9 pi/2 t/T)^2`, `alpha_t = alpha_bar_{t+1} / alpha_bar_t`.

    >>> [round(float(value), 3) for value in noise_schedule(2)[0]]
    [1.0, 0.578, 0.024]
    """
    left = np.cos(0.9 * np.pi / 2 * np.arange(num_steps + 1) / num_steps) ** 2
    return left, left[1:] / left[:-1]


@serializable
class ModalSynergy(keras.layers.Layer):
    """`mlp([h_1, ..., h_M]) + mean_m x_m`, `h` what steps of noise and repair leave.

    Step `t` of `T`, all modalities at once: noise `z_m = sqrt(a_t) h_m + sqrt(1 - a_t)
    e_m`; its estimate from the others, `n_m = sum_n sigmoid(s_nm) A(z_m, z_n)`; repair
    `h_m = (z_m - (1 - a_t) / sqrt(1 - b_{t+1}) n_m) / sqrt(a_t)`, with `a` and `b` the
    `noise_schedule`. `A(x, y) = x + g softmax(Q(x) K(y)^T / sqrt(d)) V(y)` between the
    pieces into which heads cut both vectors; `g` starts at 0, `s` at 0.5.

    Noise is drawn in training only: else a call is a function of its inputs. No
    loss asks the estimate to be the noise, unless `noise_error` is made one.

    Args:
        num_steps: Number of steps, `T`: its time is in proportion to them.
        num_heads: Pieces of each vector; must divide its width.
        noise: Whether training draws noise.
        inference_noise: Whether inference draws it too, as the released code does: two
            calls then differ.
        released_schedule: Whether repair divides by `sqrt(1 - b_t)`, at least 1e-4, as
            the released code does: `b_0 = 1`, so the first step multiplies by some
            hundreds, and nothing is restored.
        seed: Seed of the initial values and of the noise.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, modalities, dim)` floats; of one modality nothing is estimated.
        training: Whether noise is drawn.
        with_error: Whether to return how far estimates are from the noise too.

    Returns:
        `(batch, dim)` in the compute dtype; `with_error` a pair of it and the error
        `(batch,)` that `repair` gives.

    Source: Diff-MSIN, SIGIR 2025, synergistic relationship capture as in the authors'
    code, with `alpha_bar` of the step's end; see docs/methods/diff_msin.md.

    >>> tuple(ModalSynergy(num_heads=2)(ops.ones((3, 2, 4))).shape)
    (3, 4)
    """

    def __init__(
        self,
        *,
        num_steps: int = 3,
        num_heads: int = 4,
        noise: bool = True,
        inference_noise: bool = False,
        released_schedule: bool = False,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("num_steps", num_steps), ("num_heads", num_heads)):
            if value < 1:
                raise InputError(name, received=value, expected="a positive number")
        self.num_steps, self.num_heads = num_steps, num_heads
        if inference_noise and not noise:
            raise InputError(
                "inference_noise", received="True without noise", expected="noise=True"
            )
        self.noise, self.seed = noise, seed
        self.inference_noise = inference_noise
        self.released_schedule = released_schedule
        self.seed_generator = keras.random.SeedGenerator(derived_seed(seed, "noise"))

    def build(self, inputs_shape: Shape) -> None:
        count, dim = (int(size or 0) for size in inputs_shape[-2:])
        if dim % self.num_heads:
            raise InputError(
                "num_heads", received=self.num_heads, expected=f"a divisor of {dim}"
            )
        self.pairs = list(permutations(range(count), 2))  # to, from
        if self.pairs:
            self._build_estimate(len(self.pairs), dim)
        self.mlp = MLP(
            [2 * dim, dim],
            activation="gelu",
            final_activation="linear",
            seed=derived_seed(self.seed, "mlp"),
            dtype=self.dtype_policy,
            name="mlp",
        )
        self.mlp.build((None, count * dim))

    def call(
        self, inputs: Tensor, training: bool = False, with_error: bool = False
    ) -> Any:
        repaired, error = self.repair(inputs, training=training)
        flat = ops.reshape(repaired, (-1, inputs.shape[-2] * inputs.shape[-1]))
        synergy = self.mlp(flat) + ops.mean(inputs, axis=-2)
        return (synergy, error) if with_error else synergy

    def repair(self, inputs: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """The modalities after all steps, and how far estimates are from the noise.

        Args:
            inputs: As for a call.
            training: Whether noise is drawn.

        Returns:
            `(batch, modalities, dim)`, and the mean square `(batch,)` of noise less
            estimate, float32; zeros where no noise is drawn.
        """
        noisy = self.noise and (training or self.inference_noise)
        hidden, error = inputs, ops.zeros_like(ops.cast(inputs[:, 0, 0], "float32"))
        left, kept = noise_schedule(self.num_steps)
        for step in range(self.num_steps):
            hidden = float(kept[step] ** 0.5) * hidden
            if noisy:
                drawn = keras.random.normal(
                    ops.shape(inputs), dtype=hidden.dtype, seed=self.seed_generator
                )
                hidden = hidden + float((1 - kept[step]) ** 0.5) * drawn
            estimate = self.estimate(hidden)
            if noisy:
                missed = ops.square(ops.cast(drawn - estimate, "float32"))
                error = error + ops.mean(missed, axis=(1, 2)) / self.num_steps
            known = left[step] if self.released_schedule else left[step + 1]
            share = (1 - kept[step]) / max(1 - known, CLAMP) ** 0.5
            hidden = (hidden - float(share) * estimate) / float(kept[step] ** 0.5)
        return hidden, error

    def estimate(self, disturbed: Tensor) -> Tensor:
        """The noise of each modality, estimated from the others: shaped as they are."""
        if not self.pairs:
            return ops.zeros_like(disturbed)
        own, other = ([pair[side] for pair in self.pairs] for side in (0, 1))
        targets, sources = (ops.take(disturbed, k, axis=1) for k in (own, other))
        queries = self._heads(ops.einsum("bpd,pde->bpe", targets, self.query_kernel))
        keys = self._heads(ops.einsum("bpd,pde->bpe", sources, self.key_kernel))
        values = self._heads(ops.einsum("bpd,pde->bpe", sources, self.value_kernel))
        scores = ops.einsum("bphx,bpgx->bphg", queries, keys)
        scores = ops.cast(scores, "float32") / queries.shape[-1] ** 0.5
        weights = ops.cast(softmax(scores), self.compute_dtype)
        attended = ops.einsum("bphg,bpgx->bphx", weights, values)
        attended = ops.reshape(attended, ops.shape(targets))
        gates = ops.expand_dims(ops.sigmoid(self.pair_logits), -1)
        crossed = targets + ops.expand_dims(self.attention_gains, -1) * attended
        weighted = ops.cast(gates, self.compute_dtype) * crossed
        by_target = ops.reshape(
            weighted, (-1, disturbed.shape[1], disturbed.shape[1] - 1, targets.shape[2])
        )
        return ops.sum(by_target, axis=2)

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return (inputs_shape[0], inputs_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_steps": self.num_steps,
            "num_heads": self.num_heads,
            "noise": self.noise,
            "inference_noise": self.inference_noise,
            "released_schedule": self.released_schedule,
            "seed": self.seed,
        }

    def _build_estimate(self, count: int, dim: int) -> None:
        for name in KERNELS:
            parts = [
                glorot(self.seed, f"{name}_{place}")((dim, dim))
                for place in range(count)
            ]
            weight = self.add_weight(
                name=name,
                shape=(count, dim, dim),
                initializer=lambda *_, parts=parts, **__: ops.stack(parts),
            )
            setattr(self, name, weight)
        self.attention_gains = self.add_weight(
            name="attention_gains", shape=(count,), initializer="zeros"
        )
        self.pair_logits = self.add_weight(
            name="pair_logits",
            shape=(count,),
            initializer=keras.initializers.Constant(0.5),
        )

    def _heads(self, values: Tensor) -> Tensor:
        width = values.shape[-1] // self.num_heads
        return ops.reshape(values, (-1, values.shape[1], self.num_heads, width))
