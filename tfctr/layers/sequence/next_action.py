"""The loss of telling what a user did next from what others did."""

from typing import Any

import keras
from keras import ops

from tfctr.errors import InputError
from tfctr.saving import serializable
from tfctr.seeds import derived_seed, glorot
from tfctr.types import Shape, Tensor

__all__ = ["NextActionLoss"]

# What a candidate that does not count has for a logit.
NEVER = -1e9
NO_EVENT = -1


@serializable
class NextActionLoss(keras.layers.Layer):
    """Sampled softmax of the next events against events of the whole batch.

    `L = mean_(h, t) -log softmax(<W_h s_t, e_(t+h)>, <W_h s_t, n_1>, ...)` over the
    events of a history: `s_t` is what is known after event `t`, `n` are events drawn
    from all real ones of the batch, the same for every state. One that has the
    positive's id does not count against it. Popular events are drawn more often, so
    the products learn how much likelier an event is after this history than after any.

    Args:
        horizon: Number of steps ahead; each has a `W_h` of its own.
        num_negatives: Number of events that are drawn; `None` takes all.
        seed: Seed of initial values and draws.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        states: `(batch, time, dim)` floats, oldest first, padding at the end; `s_t`
            must not depend on events after `t`.
        events: `(batch, time, dim)` floats.
        ids: `(batch, time)` integers; equal ids are the same event.
        length: `(batch,)` integers: number of real events.
        training: Whether events are drawn at random, or at even distances.

    Returns:
        `(batch,)` float32 means; 0 of a history without a next event.

    Source: the self-supervised loss of Zhuang et al., WWW 2025, of which no equation is
    known to us; its form is that of the Next Action Loss of TransAct V2
    (arXiv 2506.02267). See docs/methods/dhen.md.
    """

    def __init__(
        self,
        *,
        horizon: int = 1,
        num_negatives: int | None = 255,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("horizon", horizon), ("num_negatives", num_negatives)):
            if value is not None and value < 1:
                raise InputError(name, received=value, expected="at least 1")
        self.horizon, self.num_negatives, self.seed = horizon, num_negatives, seed
        self.seed_generator = keras.random.SeedGenerator(derived_seed(seed, "draws"))

    def build(
        self, states_shape: Shape, events_shape: Shape, *_: Any, **__: Any
    ) -> None:
        self.kernels = [
            self.add_weight(
                name=f"kernel_{step}",
                shape=(states_shape[-1], events_shape[-1]),
                initializer=glorot(self.seed, f"kernel_{step}"),
            )
            for step in range(1, self.horizon + 1)
        ]

    def call(
        self,
        states: Tensor,
        events: Tensor,
        ids: Tensor,
        length: Tensor,
        training: bool = False,
    ) -> Tensor:
        steps = ops.arange(ops.shape(ids)[1], dtype="int32")
        real = steps < ops.expand_dims(ops.cast(length, "int32"), 1)
        drawn = self._draw(ops.reshape(real, (-1,)), training)
        # A row more, as there may be none at all.
        flat = ops.pad(ops.reshape(events, (-1, events.shape[-1])), [(0, 1), (0, 0)])
        others = ops.take(flat, drawn, axis=0)
        nothing = ops.zeros_like(drawn[:1])
        is_real = ops.take(ops.append(ops.cast(real, "int32"), nothing), drawn) > 0
        # An id that no event has stands for what is not real.
        other_ids = ops.take(ops.append(ops.cast(ids, "int32"), nothing), drawn)
        other_ids = ops.where(is_real, other_ids, NO_EVENT)
        total = count = ops.zeros(ops.shape(length))
        for ahead, kernel in enumerate(self.kernels, 1):
            known = ops.matmul(states[:, :-ahead], kernel)
            counts = ops.cast(real[:, ahead:], "float32")
            loss = self._one_of(
                known, events[:, ahead:], others, ids[:, ahead:], other_ids
            )
            total = total + ops.sum(counts * loss, axis=1)
            count = count + ops.sum(counts, axis=1)
        return total / ops.maximum(count, 1.0)

    def compute_output_shape(self, states_shape: Shape, *_: Any, **__: Any) -> Shape:
        return (states_shape[0],)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "horizon": self.horizon,
            "num_negatives": self.num_negatives,
            "seed": self.seed,
        }

    def _draw(self, real: Tensor, training: bool) -> Tensor:
        """Places of events, evenly from the real ones; the last place if none is."""
        count = self.num_negatives
        if count is None:
            return ops.arange(ops.shape(real)[0], dtype="int32")
        behind = ops.cumsum(ops.cast(real, "int32"))
        total = ops.max(ops.append(behind, 0))
        shares = ops.arange(count, dtype="float32") / count
        if training:
            shares = keras.random.uniform((count,), seed=self.seed_generator)
        ranks = ops.cast(shares * ops.cast(total, "float32"), "int32")
        # Rounding may give the number of events itself.
        ranks = ops.minimum(ranks, ops.maximum(total - 1, 0))
        return ops.searchsorted(behind, ranks, side="right")

    @staticmethod
    def _one_of(
        known: Tensor, events: Tensor, others: Tensor, ids: Tensor, other_ids: Tensor
    ) -> Tensor:
        own = ops.sum(known * events, axis=-1, keepdims=True)
        against = ops.cast(ops.matmul(known, ops.transpose(others)), "float32")
        is_other = ops.not_equal(ops.expand_dims(ops.cast(ids, "int32"), -1), other_ids)
        is_other = is_other & ops.not_equal(other_ids, NO_EVENT)
        against = ops.where(is_other, against, NEVER)
        own = ops.cast(own, "float32")
        return ops.logsumexp(ops.concatenate([own, against], axis=-1), axis=-1) - (
            ops.squeeze(own, -1)
        )
